"""One machine: PostgreSQL groups the orders, the rest happens in memory, off the event loop."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions
from rfm_common.explain import SCORES, ScoringDefinition
from rfm_common.settings import Rule, Settings
from scoring.engines.protocol import Engine, Placed
from scoring.model import Assignment, Model, Points
from scoring.snapshot import flows, frames, quiet, reading, writing
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.features import Edges, Spec
from scoring.snapshot.records import Aggregates, Base, Flows, Target, Totals
from scoring.snapshot.sampling import hashed_rows
from scoring.snapshot.writing import Block

AMENDED_AT_MOST = 0.1
"""The share of customers up to which their rows are changed instead of all being written."""


class Built(NamedTuple):
    """A run's snapshot as it was published."""

    run_id: int
    frame: pl.DataFrame
    model: Model | None


@dataclass(slots=True)
class Earlier:
    """The snapshot of another date, and what it has of the customers of the last frame."""

    run_id: int
    frame: pl.DataFrame
    beside: pl.DataFrame

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Its rows of these customers, in their order; joined anew only for other customers."""
        if not frame["customer_id"].equals(self.beside["customer_id"]):
            self.beside = frames.beside(frame, self.frame)
        return self.beside


class LocalEngine:
    """Holds one run's snapshot as a table of the customers, and keeps it for the next run."""

    name = "local"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._frame = frames.read_features(b"")
        self._owner: tuple[int, int] | None = None
        """The run, and its fence, that the table's features belong to."""
        self._before: Built | None = None
        """What is built upon."""
        self._spent = quiet.read()
        """What customers of the table spent before they went quiet, as far as it was asked for."""
        self._earlier: Earlier | None = None
        """The recalled snapshot."""
        self._model: Model | None = None

    async def features(self, session: AsyncSession, spec: Spec, base: Base | None) -> Totals:
        """Group in PostgreSQL; only what changed since the base, when its table is here."""
        dialect, owner, model = PostgresDialect(), self._owner, self._model
        self._owner = self._model = None
        if base and owner == (base.run_id, base.fence):
            self._before = Built(base.run_id, self._frame, model)
            csv = await reading.changed(session, spec, dialect, base)
            changed = await asyncio.to_thread(frames.read_features, csv)
            self._frame = await asyncio.to_thread(frames.updated, self._frame, changed)
            self._spent = self._spent.join(changed, on="customer_id", how="anti")
        else:
            # Two tables would not fit beside the texts. Somebody may have been erased.
            self._frame, self._spent = frames.read_features(b""), quiet.read()
            self._earlier = None
            parts = await reading.everyone(self._sessions, session, spec, dialect)
            self._frame = await asyncio.to_thread(frames.read_features, *parts)
        return await asyncio.to_thread(frames.totals, self._frame)

    async def active_values(self, positions: Sequence[int]) -> Mapping[str, dict[int, Decimal]]:
        """Sort each figure and look."""
        return await asyncio.to_thread(frames.active_values, self._frame, positions)

    async def sample(self, limit: int, rule: Rule) -> Points:
        """Chosen by a checksum of the id."""
        chosen = await asyncio.to_thread(frames.clustered, self._frame, rule)
        rows = await asyncio.to_thread(hashed_rows, chosen["customer_id"], limit)
        return await asyncio.to_thread(frames.numbers, chosen, rows)

    async def going_quiet(self, session: AsyncSession, spec: Spec, edges: Edges) -> pl.DataFrame:
        """Read in PostgreSQL what they spent; what the base knew of them still holds."""
        going = self._frame.filter(pl.sql_expr(quiet.is_going(spec, edges)))
        going = going.select("customer_id", "silent_days")
        unknown = going.join(self._spent, on="customer_id", how="anti")
        parts = await reading.spent(self._sessions, session, spec, PostgresDialect(), unknown)
        found = await asyncio.to_thread(quiet.read, *parts)
        self._spent = pl.concat([self._spent, found])
        return self._spent.join(going, on="customer_id", how="semi")

    async def score(self, edges: Edges) -> None:
        """Add the three scores."""
        self._frame = await asyncio.to_thread(frames.score, self._frame, edges)

    async def recall(self, run_id: int) -> None:
        """Read it once; it does not change while runs build on each other."""
        if self._earlier and self._earlier.run_id == run_id:
            return
        self._earlier = None
        async with self._sessions() as session, session.begin():
            csv = await reading.copy_out(session, reading.snapshot_query(run_id))
        frame = await asyncio.to_thread(frames.read_snapshot, csv)
        self._earlier = Earlier(run_id, frame, frame)

    async def assign(
        self, model: Model, known: Assignment | None, *, from_before: bool = False
    ) -> Placed:
        """Add cluster, segment and distances."""
        self._model = model
        chosen = await asyncio.to_thread(frames.clustered, self._frame, model.rule)
        if known is None or len(known.labels) < chosen.height:
            features = await asyncio.to_thread(frames.numbers, chosen)
            known = await asyncio.to_thread(model.assign, features)
        found, held = known, None
        if from_before and self._earlier:
            earlier = await asyncio.to_thread(self._earlier.of, self._frame)
            segments = earlier.select("customer_id", "segment_name", self._frame["frequency"])
            before = frames.clustered(segments, model.rule)  # of the same customers
            found = await asyncio.to_thread(frames.held, chosen, model, known, before)
            held = int((found.next_distance < found.distance).sum())
        self._frame = await asyncio.to_thread(frames.assign, self._frame, model, found)
        return Placed(known.inertia, held)

    async def aggregate(self, names: Sequence[str]) -> Aggregates:
        """Add up by cluster."""
        return await asyncio.to_thread(frames.aggregate, self._frame, names, 0)

    async def flows(self, then: ScoringDefinition, now: ScoringDefinition) -> Flows:
        """Join."""
        if self._earlier is None:
            return Flows()
        before = await asyncio.to_thread(self._earlier.of, self._frame)
        return await asyncio.to_thread(flows.compare, before, self._frame, then, now)

    async def write_features(self, target: Target) -> int | None:
        """COPY from the table as it is now; what is added to it later does not matter."""
        self._owner = target.run_id, target.fence
        frame, base = await self._to_write(self._frame, frames.FEATURE_COLUMNS)
        block = Block({}, frames.FEATURE_COLUMNS, writing.off_loop(frames.feature_lines(frame)))
        await writing.fill(self._sessions, "rfm_features", target, [block])
        return base

    async def _to_write(
        self, frame: pl.DataFrame, columns: Sequence[str]
    ) -> tuple[pl.DataFrame, int | None]:
        """Only what differs from the base, and its run, where that is little; else all."""
        if self._before is None:
            return frame, None
        changed = await asyncio.to_thread(frames.differing, frame, self._before.frame, columns)
        is_little = changed.height <= AMENDED_AT_MOST * frame.height
        return (changed, self._before.run_id) if is_little else (frame, None)

    async def write_clusters(self, target: Target) -> int | None:
        """COPY clusters and segments; all of them where a cluster is not what it was."""
        if self._model is None:
            await writing.fill(self._sessions, "customer_clusters", target, [])
            return None
        clusters, before = _clusters(self._frame, self._model), self._before
        frame, base = self._frame, None
        if before and before.model and _clusters(before.frame, before.model) == clusters:
            frame, base = await self._to_write(frame, frames.PLACE)
        blocks = [_block(frame, number, alike) for number, alike in clusters]
        await writing.fill(self._sessions, "customer_clusters", target, blocks)
        return base

    async def release(self) -> None:
        """What is known stays: the next run may build upon it."""
        self._before = None


def open_engine(_: Settings, sessions: Sessions) -> Engine:
    """The engine, as `scoring.engines` asks for it by name."""
    return LocalEngine(sessions)


def _clusters(frame: pl.DataFrame, model: Model) -> list[tuple[int, dict[str, str]]]:
    """What all customers of a cluster share, in the order of the index by segment."""
    apart = (_apart(frame, model, model.k + place) for place in range(len(model.apart)))
    centres = [*model.centres(), *apart]
    clusters = zip(model.segments, range(len(centres)), centres, strict=True)
    return [
        (number, {
            "cluster_id": str(number), "segment_name": PostgresDialect().text(name),
            **{f"centre_{figure}": str(value) for figure, value in centre.items()},
        })
        for name, number, centre in sorted(clusters, key=itemgetter(0, 1))
    ]  # fmt: skip


def _block(frame: pl.DataFrame, number: int, alike: dict[str, str]) -> Block:
    lines = writing.off_loop(frames.cluster_lines(frame, number))
    return Block(alike, frames.CLUSTER_COLUMNS, lines)


def _apart(frame: pl.DataFrame, model: Model, number: int) -> dict[str, float]:
    """What stands for a centre where there is no cluster: silent customers are equally so."""
    if number == model.firsts:
        return dict(zip(SCORES, (float(model.fresh_days), 1.0, 0.0), strict=True))
    days = frame.filter(pl.col("cluster_id") == number)["recency_days"].max() or 0
    return dict(zip(SCORES, (float(str(days)), 0.0, 0.0), strict=True))
