"""One machine: PostgreSQL groups the orders, the rest happens in memory, off the event loop."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions
from rfm_common.explain import Ruler
from scoring.clusters import Model, Points, thin_rows
from scoring.engines import flows, frames
from scoring.engines.protocol import Aggregates, Base, Flows, Target, Totals
from scoring.features import Edges, PostgresDialect, Spec
from scoring.store import snapshots


class LocalEngine:
    """Holds one run's snapshot as a table of the customers."""

    def __init__(self) -> None:
        self._frame = frames.read_features(b"")
        self._model: Model | None = None

    async def features(self, session: AsyncSession, spec: Spec, base: Base | None) -> Totals:
        """Group in PostgreSQL, read the result once."""
        csv = await snapshots.features_csv(session, spec, PostgresDialect(), base)
        self._frame = await asyncio.to_thread(frames.read_features, csv)
        return await asyncio.to_thread(frames.totals, self._frame)

    async def active_values(self, positions: Sequence[int]) -> Mapping[str, dict[int, Decimal]]:
        """Sort each figure and look."""
        return await asyncio.to_thread(frames.active_values, self._frame, positions)

    async def sample(self, limit: int) -> Points:
        """Evenly spaced by id."""
        rows = thin_rows(self._frame.height, limit)
        return await asyncio.to_thread(frames.numbers, self._frame, rows)

    async def score(self, edges: Edges) -> None:
        """Add the three scores."""
        self._frame = await asyncio.to_thread(frames.score, self._frame, edges)

    async def assign(self, model: Model) -> None:
        """Add cluster, segment, distances and rank."""
        self._model = model
        features = await asyncio.to_thread(frames.numbers, self._frame)
        found = await asyncio.to_thread(model.assign, features)
        self._frame = await asyncio.to_thread(frames.assign, self._frame, model, found)

    async def aggregate(self, names: Sequence[str]) -> Aggregates:
        """Add up by cluster."""
        return await asyncio.to_thread(frames.aggregate, self._frame, names, 0)

    async def flows(self, sessions: Sessions, run_id: int, then: Ruler, now: Ruler) -> Flows:
        """Read the other snapshot once and join."""
        async with sessions() as session, session.begin():
            csv = await snapshots.copy_out(session, snapshots.snapshot_query(run_id))
        before = await asyncio.to_thread(frames.read_snapshot, csv)
        return await asyncio.to_thread(flows.compare, before, self._frame, then, now)

    async def write_features(self, sessions: Sessions, target: Target) -> None:
        """COPY from the table as it is now; what is added to it later does not matter."""
        lines = frames.feature_lines(self._frame, target.calc_date)
        await snapshots.fill(sessions, "rfm_features", target, _off_loop(lines))

    async def write_clusters(self, sessions: Sessions, target: Target) -> None:
        """COPY clusters and segments."""
        centres = self._model.centres() if self._model else []
        lines = frames.cluster_lines(self._frame, target.calc_date, centres)
        await snapshots.fill(sessions, "customer_clusters", target, _off_loop(lines))


async def _off_loop(lines: Generator[bytes]) -> AsyncGenerator[bytes]:
    while (part := await asyncio.to_thread(next, lines, None)) is not None:
        yield part
