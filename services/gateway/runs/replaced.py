"""Which scores a run replaces, when those were calculated with other settings."""

from datetime import datetime

import msgspec
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.runs.requests import ENDED
from gateway.runs.schemas import ReplacedScores
from rfm_common.basis import basis_of_run, replacement
from rfm_common.documents import Replaced
from rfm_common.models import ScoringRun
from rfm_common.runs import foreseen
from rfm_common.settings import Settings


async def find_replaced(
    session: AsyncSession, settings: Settings, run: ScoringRun, calc_date: datetime
) -> ReplacedScores | None:
    """What a run replaced; while it has not ended, what it is going to replace at this date."""
    told = run.summary.get("replaced")
    if run.state not in ENDED:
        told = await _foreseen(session, settings, run, calc_date)
    return msgspec.convert(told, ReplacedScores) if told else None


async def _foreseen(
    session: AsyncSession, settings: Settings, run: ScoringRun, calc_date: datetime
) -> Replaced | None:
    found = await session.exec(
        select(ScoringRun).where(col(ScoringRun.is_current), ScoringRun.calc_date == calc_date)
    )
    shown = found.first()
    if shown is None or run.parameters.get("preview"):
        return None
    now = foreseen(shown, run.parameters, settings)
    return replacement(basis_of_run(shown), now, shown.run_id)
