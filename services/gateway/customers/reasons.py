"""Why a customer moved, from the two newest snapshots of the customer, or may soon."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from msgspec.json import decode
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.schemas import CustomerScores, NearBorder, Reason, ScoreMove
from gateway.kit import rows
from gateway.kit.quick import Quick
from gateway.kit.schemas import Answer
from rfm_common import borders
from rfm_common.explain import Figures, ScoringDefinition, explain, squares_of


class Measure(Answer):
    """What a run measured with."""

    calc_date: datetime
    window_days: int
    base_currency: str | None
    edges: dict[str, Any]
    model: dict[str, Any]
    measured: dict[str, Any]


class MeasureRow(Answer):
    """The same with objects as JSON."""

    calc_date: datetime
    window_days: int
    base_currency: str | None
    edges: str
    model: str
    measured: str


async def find_reason(session: AsyncSession, history: Sequence[CustomerScores]) -> Reason | None:
    """The explanation of the newest row by the one before; None without two."""
    definitions = [await find_definition(session, row.run_id) for row in history[:2]]
    return _reason(history, definitions)


async def peek_reason(quick: Quick, history: Sequence[CustomerScores]) -> Reason | None:
    """The same without a session."""
    return _reason(history, [await _peek_definition(quick, row.run_id) for row in history[:2]])


def _reason(
    history: Sequence[CustomerScores], definitions: Sequence[ScoringDefinition | None]
) -> Reason | None:
    if len(history) < 2:
        return None
    after, before = history[:2]
    now, then = definitions
    if now is None or then is None or not then.model.get("centroids"):
        return None
    why = explain(_figures(before), _figures(after), then, now)
    return Reason(
        since=before.calc_date,
        cause=why.cause,
        has_new_order=why.has_new_order,
        segment_before=before.segment_name,
        segment_by_old_model=why.segment_by_old_model,
        scores=[
            ScoreMove(figure=s.figure, before=s.before, after=s.after, cause=s.cause)
            for s in why.scores
        ],
    )


async def find_near(session: AsyncSession, history: Sequence[CustomerScores]) -> NearBorder | None:
    """The border that the newest row is close to."""
    newest = history[0] if history else None
    return _near(newest, await find_definition(session, newest.run_id)) if newest else None


async def peek_near(quick: Quick, history: Sequence[CustomerScores]) -> NearBorder | None:
    """The same without a session."""
    newest = history[0] if history else None
    return _near(newest, await _peek_definition(quick, newest.run_id)) if newest else None


def _near(scores: CustomerScores, by: ScoringDefinition | None) -> NearBorder | None:
    if by is None or not (margin := by.model.get("margin")):
        return None
    figures = _figures(scores)
    near = borders.find_near(by.model, squares_of(by.model, figures), figures.segment_name)
    if near is None:
        return None
    return NearBorder(segment=near.segment, distance=round(near.distance, 4), margin=margin)


async def find_definition(session: AsyncSession, run_id: int) -> ScoringDefinition | None:
    """What a run measured with; None without the run."""
    found = await rows.one(session, Measure, f"{_MEASURES} = :run_id", run_id=run_id)
    return _definition(found) if found else None


async def _peek_definition(quick: Quick, run_id: int) -> ScoringDefinition | None:
    """The same, kept: a run that has a snapshot does not change."""
    if kept := quick.recent.get(("definition", run_id)):
        return cast("ScoringDefinition", kept)
    found = await quick.one(MeasureRow, f"{_MEASURES} = $1", run_id)
    if found is None:
        return None
    measure = Measure(
        calc_date=found.calc_date, window_days=found.window_days,
        base_currency=found.base_currency, edges=decode(found.edges), model=decode(found.model),
        measured=decode(found.measured),
    )  # fmt: skip
    return quick.recent.keep(("definition", run_id), _definition(measure))


_MEASURES = (
    "SELECT calc_date, window_days, base_currency, edges, model,"
    " coalesce(summary->'measured', '{}') AS measured FROM scoring_runs WHERE run_id"
)


def _definition(found: Measure) -> ScoringDefinition:
    return ScoringDefinition(**{f.name: getattr(found, f.name) for f in fields(ScoringDefinition)})


def _figures(scores: CustomerScores) -> Figures:
    return Figures(**{f.name: getattr(scores, f.name) for f in fields(Figures)})
