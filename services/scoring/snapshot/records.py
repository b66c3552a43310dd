"""What a run hands from step to step. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from rfm_common.documents import Cell, Moved
from rfm_common.models import Cause


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
    grid: list[Cell]
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

    def summary(self) -> Moved:
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
