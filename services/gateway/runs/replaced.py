"""Which scores a run replaces, when those were calculated with other settings."""

from dataclasses import replace
from datetime import datetime

import msgspec
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.runs.requests import ENDED
from gateway.runs.schemas import ReplacedScores
from rfm_common.basis import Basis, basis_of_run, replacement
from rfm_common.documents import Replaced
from rfm_common.models import ScoringRun


async def find_replaced(
    session: AsyncSession, run: ScoringRun, calc_date: datetime
) -> ReplacedScores | None:
    """What a run replaced; while it has not ended, what it is going to replace at this date."""
    told = run.summary.get("replaced")
    if run.state not in ENDED:
        told = await _foreseen(session, run, calc_date)
    return msgspec.convert(told, ReplacedScores) if told else None


async def _foreseen(session: AsyncSession, run: ScoringRun, calc_date: datetime) -> Replaced | None:
    found = await session.exec(
        select(ScoringRun).where(col(ScoringRun.is_current), ScoringRun.calc_date == calc_date)
    )
    shown = found.first()
    if shown is None or run.parameters.get("preview"):
        return None
    return replacement(basis_of_run(shown), _asked(run, shown), shown.run_id)


def _asked(run: ScoringRun, shown: ScoringRun) -> Basis:
    """What the run will be measured by, as far as it is known; all else as what is shown."""
    then, asked = basis_of_run(shown), run.parameters
    is_same_k = asked["k"] in ("auto", shown.parameters.get("k"))
    return replace(
        then, window_days=run.window_days, rule=asked.get("rule"), transform=asked["transform"],
        k=then.k if is_same_k else asked["k"],
    )  # fmt: skip
