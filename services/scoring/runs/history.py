"""The past of a new shop is filled in by itself: trend and flows are there on the first day."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql
from rfm_common.lasting_store import effective
from rfm_common.runs import queue_backfill
from rfm_common.settings import Settings

SETTLED = timedelta(seconds=3)
"""How long the data must have been as it is: files of one drop come one after the other."""
WORTH = timedelta(days=92)
"""Orders must go back for so long: less than three months make no trend."""
CUSTOMERS = 200_000
"""Beyond these a person asks for it: a snapshot a month takes room and minutes."""


async def queue_past(session: AsyncSession, settings: Settings) -> bool:
    """Queue the past months of a shop that has its first snapshot, once; whether any were."""
    if not settings.history_months:
        return False
    new = await run_sql(session, _NEW_SHOP, settled=SETTLED, most=CUSTOMERS, worth=WORTH)
    if not new.first():
        return False
    settings = await effective(session, settings)
    return bool(await queue_backfill(session, settings, settings.history_months))


_NEW_SHOP = """
WITH shown AS (SELECT * FROM scoring_runs WHERE is_current AND customers_processed > 0),
     first AS (SELECT min(started_at) AS moment FROM imports WHERE state = 'loaded')
SELECT 1 FROM data_state d, shown, first
WHERE d.data_version = d.scored_version AND d.changed_at < now() - CAST(:settled AS interval)
  AND (SELECT count(*) FROM shown) = 1 AND shown.is_automatic AND shown.clusters_created > 0
  AND shown.customers_processed <= :most
  AND NOT EXISTS (SELECT 1 FROM imports WHERE state = 'reading')
  AND NOT EXISTS (SELECT 1 FROM scoring_runs b
                  WHERE b.trigger = 'backfill' AND b.queued_at >= first.moment)
  AND EXISTS (SELECT 1 FROM orders WHERE order_date < shown.calc_date - CAST(:worth AS interval))
FOR UPDATE OF d
"""
