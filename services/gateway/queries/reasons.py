"""Why a customer moved, from the two newest snapshots that have the customer."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.queries import rows
from gateway.schemas.common import Answer
from gateway.schemas.customers import CustomerScores, Reason, ScoreMove
from rfm_common.explain import Figures, Ruler, explain


class Measure(Answer):
    """What a run measured with."""

    calc_date: datetime
    window_days: int
    base_currency: str | None
    edges: dict[str, Any]
    model: dict[str, Any]


async def find_reason(session: AsyncSession, history: Sequence[CustomerScores]) -> Reason | None:
    """The explanation of the newest row by the one before; None without two."""
    if len(history) < 2:
        return None
    after, before = history[:2]
    now, then = await find_ruler(session, after.run_id), await find_ruler(session, before.run_id)
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


async def find_ruler(session: AsyncSession, run_id: int) -> Ruler | None:
    """What a run measured with; None without the run."""
    found = await rows.one(
        session,
        Measure,
        "SELECT calc_date, window_days, base_currency, edges, model FROM scoring_runs"
        " WHERE run_id = :run_id",
        run_id=run_id,
    )
    if found is None:
        return None
    return Ruler(**{f.name: getattr(found, f.name) for f in fields(Ruler)})


def _figures(scores: CustomerScores) -> Figures:
    return Figures(**{f.name: getattr(scores, f.name) for f in fields(Figures)})
