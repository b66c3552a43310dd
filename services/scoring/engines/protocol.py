"""What an engine does for a run: the heavy part, on all customers. The model is fitted elsewhere.

A run calls the methods in the order in which they stand here.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.explain import ScoringDefinition
from rfm_common.settings import Rule
from scoring.model import Assignment, Model, Points
from scoring.snapshot.features import Edges, Spec
from scoring.snapshot.records import Aggregates, Base, Flows, Target, Totals


class EngineAwayError(ConnectionError):
    """What the engine needs is away, or a part of it: the same work may succeed later."""


class EngineError(Exception):
    """The engine refused the work, and would again."""


class Placed(NamedTuple):
    """What came of putting everybody into a segment."""

    inertia: float
    """Sum of the squared distances to the nearest centroids."""
    held: int | None = None
    """How many stay in the segment of the snapshot before; None when nobody could."""


class Engine(Protocol):
    """The group-by, the moments, the assignment of everyone, the aggregates and the writing."""

    name: str
    """As `RFM_ENGINE` has it."""

    async def features(self, session: AsyncSession, spec: Spec, base: Base | None) -> Totals:
        """Compute R, F, M of every customer in the session's snapshot of the data."""
        ...

    async def active_values(self, positions: Sequence[int]) -> Mapping[str, dict[int, Decimal]]:
        """Figure by figure, the values at these ranks (from 0) of active customers, sorted."""
        ...

    async def sample(self, limit: int, rule: Rule) -> Points:
        """R, F, M of all whom the rule clusters, or of `limit` of them: always the same ones."""
        ...

    async def going_quiet(self, session: AsyncSession, spec: Spec, edges: Edges) -> pl.DataFrame:
        """Who is going quiet: the rows of `quiet.spent_sql`, as the session sees the data.

        Called between `features` and the end of the session's transaction.
        """
        ...

    async def score(self, edges: Edges) -> None:
        """Give every customer the scores 1-5."""
        ...

    async def recall(self, run_id: int) -> None:
        """Look at the published snapshot of an earlier run, for `assign` and `flows`."""
        ...

    async def assign(
        self, model: Model, known: Assignment | None, *, from_before: bool = False
    ) -> Placed:
        """Put every customer into a segment, buyers into their nearest cluster.

        `known` is the nearest cluster of the customers of the sample; they may be all. With
        `from_before` whoever is close to a border stays in the segment of the recalled snapshot.
        """
        ...

    async def aggregate(self, names: Sequence[str]) -> Aggregates:
        """Add the snapshot up."""
        ...

    async def flows(self, then: ScoringDefinition, now: ScoringDefinition) -> Flows:
        """Compare with the recalled snapshot."""
        ...

    async def write_features(self, target: Target) -> int | None:
        """Write R, F, M and scores into the run's own table, indexed, visible to nobody yet.

        Returns None, or the base's run when only what differs from that was written.
        Called once `score` is done; runs beside the fit.
        """
        ...

    async def write_clusters(self, target: Target) -> int | None:
        """Write clusters and segments likewise, once `assign` is done."""
        ...

    async def release(self) -> None:
        """The run is over, however it ended: hold nothing of it that others could miss."""
        ...
