"""The judgements as scoring keeps them."""

from collections.abc import Callable
from datetime import date, datetime

from msgspec.structs import asdict
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.schemas import Answer
from gateway.values.schemas import Cut, Past, Ranking, TrustReport
from gateway.values.words import ranking_in, ranking_of, what_is_missing


class Judged(Answer):
    """A row of `value_judgements`."""

    days: int
    run_id: int
    calc_date: datetime
    base_currency: str | None
    judged_at: datetime
    judgement: Past


async def find_report(
    session: AsyncSession, written: Callable[[date], str] = str
) -> TrustReport | None:
    """The newest judgements; None before the first. `written` is how days are written in texts."""
    found = await rows.many(
        session,
        Judged,
        "SELECT days, run_id, calc_date, base_currency, judged_at, judgement"
        " FROM value_judgements ORDER BY days <> 90, days",
    )
    if not found:
        return None
    first, cuts = found[0], [_cut(one, written) for one in found]
    return TrustReport(
        run_id=first.run_id, calc_date=first.calc_date, base_currency=first.base_currency,
        judged_at=first.judged_at, ranking=ranking_of(cuts), cuts=cuts,
    )  # fmt: skip


def _cut(one: Judged, written: Callable[[date], str]) -> Cut:
    missing = what_is_missing(one.days, one.judgement, written)
    return Cut(days=one.days, missing=missing, **asdict(one.judgement))


async def ranking(session: AsyncSession) -> Ranking:
    """What lists that look ahead are ranked by, and the sentence to show beside them."""
    return ranking_in(await find_report(session))
