"""Somebody who looks at the newest snapshot all the while, and must never see half of one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from rfm_common.db import Sessions, run_sql
from rfm_common.tasks import alongside

# One statement, as a page would ask: the run says how many customers its snapshot holds.
WHOLE = """
WITH shown AS (
    SELECT run_id, calc_date, customers_processed FROM scoring_runs WHERE is_current
    ORDER BY calc_date DESC LIMIT 1
)
SELECT customers_processed,
       (SELECT count(*) FROM rfm_features f WHERE f.calc_date = shown.calc_date),
       (SELECT count(*) FROM customer_clusters c WHERE c.calc_date = shown.calc_date),
       (SELECT sum(customer_count)::bigint FROM segment_stats s WHERE s.run_id = shown.run_id),
       (SELECT count(*) FROM erasures)
FROM shown
"""


def is_whole(row: Sequence[int]) -> bool:
    """Whether all customers of the run are in both tables, and in its sums; somebody who is erased
    leaves both tables at once, and the sums with the next run."""
    processed, scored, placed, summed, erased = row
    return processed == summed and scored == placed and 0 <= processed - scored <= erased


class Reader:
    """Reads the newest snapshot again and again; `halves` lists what never must be seen."""

    def __init__(self) -> None:
        self.reads = 0
        self.failures = 0
        """Reads without an answer: the server was away."""
        self.halves: list[tuple[int, ...]] = []

    async def watch(self, sessions: Sessions) -> None:
        """Until cancelled."""
        while True:
            try:
                async with sessions() as session:
                    row = (await run_sql(session, WHOLE)).first()
            except Exception:
                self.failures += 1
                await asyncio.sleep(0.05)
                continue
            if row is not None:
                self.reads += 1
                if not is_whole(row):
                    self.halves.append(tuple(row))
            await asyncio.sleep(0.005)


@asynccontextmanager
async def reading(sessions: Sessions) -> AsyncGenerator[Reader]:
    """A reader for as long as this lasts; what it saw must have been whole."""
    reader = Reader()
    async with alongside(reader.watch(sessions)):
        yield reader
    assert reader.halves == []
    assert reader.reads > 0
