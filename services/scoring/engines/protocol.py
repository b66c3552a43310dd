"""What an engine does for a run: the heavy part, on all customers. The model is fitted elsewhere.

A run calls the methods in the order in which they stand here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.explain import Ruler
from rfm_common.models import Cause
from rfm_common.settings import Rule
from scoring.clusters import Assignment, Model, Points
from scoring.features import Edges, Spec


class EngineAwayError(ConnectionError):
    """What the engine needs is away, or a part of it: the same work may succeed later."""


class EngineError(Exception):
    """The engine refused the work, and would again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How much a snapshot covers."""

    customers: int
    active_customers: int
    orders: int
    monetary: Decimal
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A published snapshot of the same definition that new features may be built upon."""

    run_id: int
    fence: int
    touched: str
    """The query of the ids of customers who changed since."""
    counted: str
    """The condition by which an order `o` counts."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run writes: tables of its own, named by the fence that it holds."""

    run_id: int
    fence: int
    calc_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregates:
    """The snapshot added up: rows for the tables of these names, and the grid."""

    stats: list[dict[str, Any]]
    grid: list[dict[str, Any]]
    samples: list[dict[str, Any]]
    segment_countries: list[dict[str, Any]]
    country_summaries: list[dict[str, Any]]
    median_recency_days: float | None


FLOWING = (
    Cause.NEW_CUSTOMER, Cause.NEW_ORDER, Cause.AGEING, Cause.CORRECTION, Cause.DEFINITION,
    Cause.MODEL,
)  # fmt: skip
"""Why customers come into a segment; moved edges change scores, never segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How many customers went from one segment to another for one cause, with what money."""

    from_segment: str
    to_segment: str
    cause: Cause
    customers: int
    monetary_before: Decimal
    monetary_after: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """All flows from one snapshot to another."""

    rows: Sequence[Flow] = ()
    quiet: Mapping[Cause, int] = field(default_factory=dict)
    """Customers of both snapshots without a new order, by cause: stayed, ageing or model."""

    def summary(self) -> dict[str, Any]:
        """The `moved` part of the run's metrics; what the quiet did is told apart by cause."""
        counts = {cause: sum(row.customers for row in self.rows if row.cause is cause)
                  for cause in FLOWING}  # fmt: skip
        ageing, model = self.quiet.get(Cause.AGEING, 0), self.quiet.get(Cause.MODEL, 0)
        return {
            "total": sum(counts.values()) - counts[Cause.NEW_CUSTOMER],
            "without_new_order": ageing + model,
            "quiet": {"customers": sum(self.quiet.values()), "ageing": ageing, "model": model},
            "by_cause": {cause.value: count for cause, count in counts.items()},
        }


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

    async def score(self, edges: Edges) -> None:
        """Give every customer the scores 1-5."""
        ...

    async def assign(self, model: Model, known: Assignment | None) -> float:
        """Put every customer into a segment, buyers into their nearest cluster; rank each segment.

        `known` is where the customers of the sample belong; they may be all. Returns the sum
        of the squared distances.
        """
        ...

    async def aggregate(self, names: Sequence[str]) -> Aggregates:
        """Add the snapshot up."""
        ...

    async def flows(self, run_id: int, then: Ruler, now: Ruler) -> Flows:
        """Compare with the published snapshot of the run `run_id`."""
        ...

    async def write_features(self, target: Target) -> int | None:
        """Write R, F, M and scores into the run's own table, indexed, visible to nobody yet.

        Returns None, or the base's run when only what differs from that was written.
        Called once `score` is done; runs beside the fit.
        """
        ...

    async def write_clusters(self, target: Target) -> None:
        """Write clusters and segments likewise, once `assign` is done."""
        ...

    async def release(self) -> None:
        """The run is over, however it ended: hold nothing of it that others could miss."""
        ...
