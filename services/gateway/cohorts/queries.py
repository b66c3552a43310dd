"""The cohorts as scoring keeps them."""

from datetime import date, datetime
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import money
from gateway.kit.schemas import Answer


class State(Answer):
    """Which snapshot they belong to, and the last month."""

    run_id: int
    calc_date: datetime
    base_currency: str | None
    last_month: date
    is_last_over: bool


class Counted(Answer):
    """A row of `cohort_cells`."""

    first_month: date
    month: date
    customers: int
    orders: int
    revenue: Decimal
    left_out: int


async def find_state(session: AsyncSession) -> State | None:
    """None before they were computed for the first time."""
    return await rows.one(
        session,
        State,
        "SELECT run_id, calc_date, base_currency, last_month, is_last_over FROM cohort_state",
    )


async def counted_cells(
    session: AsyncSession, country: str | None, since: date | None
) -> list[Counted]:
    """Of everybody or of one country, of cohorts from a month on; in order."""
    return await rows.many(
        session,
        Counted,
        f"""
        SELECT first_month, month, customers, orders, {money("revenue")} AS revenue, left_out
        FROM cohort_cells
        WHERE is_total = :is_total AND country = :country
          AND (CAST(:since AS date) IS NULL OR first_month >= :since)
        ORDER BY first_month, month""",
        is_total=country is None,
        country=country or "",
        since=since,
    )


async def countries(session: AsyncSession) -> list[str]:
    """Those with cohorts of their own, by name."""
    found = await rows.scalar(
        session,
        "SELECT array_agg(DISTINCT country ORDER BY country) FROM cohort_cells"
        " WHERE NOT is_total AND country <> ''",
    )
    return found or []
