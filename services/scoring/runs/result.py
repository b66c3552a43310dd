"""Everything that a run finds out, before it becomes rows."""

from dataclasses import dataclass

import polars as pl

from scoring.model import Candidate, Model, Quality, Shift
from scoring.runs.plan import Plan
from scoring.snapshot.features import Edges
from scoring.snapshot.records import Aggregates, Flows, Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A model, how good it is, and the values of k that were tried for it."""

    model: Model
    quality: Quality
    sweep: list[Candidate]
    untrue: list[str]
    """A sentence for each name that the figures contradict."""
    shift: Shift | None
    """What it would change, where it is a proposal."""
    held: int | None
    """How many stay in the segment of the snapshot before; None when nobody could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A computed snapshot: what was read, how it was measured, what came out."""

    plan: Plan
    totals: Totals
    edges: Edges
    quiet: pl.DataFrame
    """Customers of value who are going quiet."""
    fitted: Fitted | None
    aggregates: Aggregates
    flows: Flows
