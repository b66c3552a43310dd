"""What a customer spent in stretches of 90 days, drawn beside what is expected of the next 90."""
# ruff: noqa: S608 - what is put into the statement is a column

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.schemas import Outlook
from gateway.kit import rows
from gateway.kit.schemas import Answer
from rfm_common.calendar import days_before
from rfm_common.counting import counted_by
from rfm_common.settings import Settings

STRETCH = 90
"""Days; as many as what is expected covers."""
SHOWN = 8
"""Stretches that are drawn; the others are older than two years."""


class Spent(Answer):
    """The counted orders of one stretch, refunds taken off."""

    ago: int
    """Whole stretches between it and the snapshot."""
    money: Decimal
    left_out: int
    """Orders without an exchange rate, whose money is not known."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch; `width` is in per cent of the drawing."""

    until: datetime
    money: Decimal
    width: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """The stretches, the oldest first, and where what is expected lies, in per cent."""

    bars: list[Bar]
    low: float
    mean: float
    high: float
    left_out: int


async def spent_by_stretch(
    session: AsyncSession, settings: Settings, customer_id: str, until: datetime,
    currency: str | None, days: int = STRETCH,
) -> list[Spent]:  # fmt: skip
    """Of all stretches that have orders; money in `currency` by the rates of the orders' days.

    By the same definitions as monetary.
    """
    word, counted = counted_by(settings.counted_statuses)
    return await rows.many(
        session,
        Spent,
        f"""
        SELECT extract(day FROM timezone(:zone, CAST(:until AS timestamptz))
                                - timezone(:zone, o.order_date))::int / :days AS ago,
               coalesce(sum(round(o.order_amount * x.rate, 4)), 0) AS money,
               count(*) FILTER (WHERE x.rate IS NULL) AS left_out
        FROM orders o CROSS JOIN LATERAL (
            SELECT CASE WHEN o.currency IN ('', :currency) THEN 1 ELSE (
                SELECT rate FROM exchange_rates r
                WHERE r.currency = o.currency
                  AND r.valid_from <= timezone(:zone, o.order_date)::date
                ORDER BY valid_from DESC LIMIT 1) END AS rate
        ) x
        WHERE o.customer_id = :customer_id AND {word} = ANY(:counted) AND o.order_date <= :until
        GROUP BY ago ORDER BY ago""",
        customer_id=customer_id,
        counted=counted,
        currency=currency or "",
        zone=settings.timezone,
        until=until,
        days=days,
    )


def draw(spent: Sequence[Spent], outlook: Outlook, until: datetime, zone: ZoneInfo) -> Drawing:
    """From the first stretch with an order on; `until` is the end of the newest one."""
    by_ago = {one.ago: one.money for one in spent if one.ago < SHOWN}
    first = min(max((one.ago for one in spent), default=0), SHOWN - 1)
    most = max(outlook.revenue_90_high, outlook.expected_revenue_90, *by_ago.values())

    def width(money: Decimal) -> float:
        return 100 * float(max(money, Decimal(0)) / most) if most else 0.0

    def bar(ago: int) -> Bar:
        money = by_ago.get(ago, Decimal(0))
        return Bar(days_before(until, ago * STRETCH, zone), money, width(money))

    return Drawing(
        bars=[bar(ago) for ago in range(first, -1, -1)],
        low=width(outlook.revenue_90_low),
        mean=width(outlook.expected_revenue_90),
        high=width(outlook.revenue_90_high),
        left_out=sum(one.left_out for one in spent if one.ago <= first),
    )
