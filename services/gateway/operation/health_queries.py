"""The few figures of the health answer, each from an index or a single row."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.schemas import Answer
from rfm_common.snapshots import BY_DATE


class State(Answer):
    """What the database says about itself."""

    latest_calc_date: datetime | None
    total_clusters: int
    data_version: int
    scored_version: int


class Totals(Answer):
    """How many rows there are."""

    total_customers: int
    total_orders: int


async def state(session: AsyncSession) -> State:
    """Versions, and the newest snapshot."""
    found = await rows.one(
        session,
        State,
        f"""
        SELECT data_version, scored_version, run.calc_date AS latest_calc_date,
               coalesce(run.clusters_created, 0) AS total_clusters
        FROM data_state LEFT JOIN (
            SELECT calc_date, clusters_created FROM scoring_runs
            WHERE is_current ORDER BY {BY_DATE} LIMIT 1) AS run ON true""",
    )
    if found is None:
        raise RuntimeError("data_state has no row; were the migrations applied?")
    return found


@dataclass(slots=True)
class Counter:
    """Exact totals, counted once per version of the data: a count reads whole tables."""

    version: int = -1
    totals: Totals | None = None

    async def count(self, session: AsyncSession, version: int) -> Totals:
        """The totals at this version of the data."""
        if self.totals is None or self.version != version:
            self.totals = await _count(session)
            self.version = version
        return self.totals


async def _count(session: AsyncSession) -> Totals:
    found = await rows.one(
        session,
        Totals,
        "SELECT (SELECT count(*) FROM customers)"
        " - (SELECT count(*) FROM customers WHERE joined_to IS NOT NULL) AS total_customers,"
        " (SELECT count(*) FROM orders) AS total_orders",
    )
    return found or Totals(total_customers=0, total_orders=0)
