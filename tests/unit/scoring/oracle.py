"""R, F, M and scores once more: plain Python, fractions and decimals, read off the design.

Shares nothing with the product but the definitions; slow and obvious on purpose.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class OracleOrder:
    customer_id: str
    order_date: datetime
    amount: Decimal
    currency: str
    status: str


@dataclass(frozen=True)
class OracleRow:
    recency_days: int
    frequency: int
    monetary: Decimal
    r_score: int
    f_score: int
    m_score: int


@dataclass(frozen=True)
class OracleSnapshot:
    customers: Mapping[str, OracleRow]
    edges: Mapping[str, list[Fraction]]
    left_out: int
    base_currency: str


def snapshot(
    customer_ids: Iterable[str],
    orders: Sequence[OracleOrder],
    calc_date: datetime,
    window_days: int = 365,
    *,
    rates: Sequence[tuple[str, date, Decimal]] = (),
    zone: str = "UTC",
) -> OracleSnapshot:
    base = base_currency(orders)
    clock = ZoneInfo(zone)
    start = calc_date.astimezone(clock) - timedelta(days=window_days)  # by the clock on the wall
    figures: dict[str, tuple[int, int, Decimal]] = {}
    left_out = 0
    for customer in {*customer_ids, *(order.customer_id for order in orders)}:
        mine = [
            order
            for order in orders
            if order.customer_id == customer
            and order.status == "completed"
            and start <= order.order_date <= calc_date
        ]
        amounts = [in_base(order, base, rates, zone) for order in mine]
        left_out += amounts.count(None)
        bought = [order.order_date for order in mine if order.amount >= 0]
        if not bought:
            figures[customer] = (window_days + 1, 0, Decimal(0))
            continue
        total = sum((one for one in amounts if one is not None), Decimal(0))
        shown = [one.astimezone(clock).replace(tzinfo=None) for one in (calc_date, max(bought))]
        figures[customer] = (max((shown[0] - shown[1]).days, 0), len(bought), total)
    active = [row for row in figures.values() if row[1]]
    edges = {
        name: quintiles([Fraction(row[place]) for row in active])
        for place, name in enumerate(("recency_days", "frequency", "monetary"))
    }
    scored = {customer: _score(row, edges) for customer, row in figures.items()}
    return OracleSnapshot(scored, edges, left_out, base)


def base_currency(orders: Sequence[OracleOrder]) -> str:
    counts = Counter(order.currency for order in orders if order.currency)
    return sorted(counts, key=lambda name: (-counts[name], name))[0] if counts else ""


def in_base(
    order: OracleOrder, base: str, rates: Sequence[tuple[str, date, Decimal]], zone: str
) -> Decimal | None:
    if order.currency in ("", base):
        return order.amount
    day = order.order_date.astimezone(ZoneInfo(zone)).date()
    valid = [(since, rate) for name, since, rate in rates if name == order.currency]
    valid = [(since, rate) for since, rate in valid if since <= day]
    if not valid:
        return None
    exact = order.amount * max(valid)[1]
    return exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def quintiles(values: list[Fraction]) -> list[Fraction]:
    """Hyndman and Fan's type 7, in fractions."""
    if not values:
        return []
    ordered = sorted(values)
    edges = []
    for p in (Fraction(1, 5), Fraction(2, 5), Fraction(3, 5), Fraction(4, 5)):
        place = (len(ordered) - 1) * p
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        edges.append(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
    return edges


def _score(row: tuple[int, int, Decimal], edges: Mapping[str, list[Fraction]]) -> OracleRow:
    recency, frequency, monetary = row
    if frequency == 0:
        return OracleRow(recency, 0, monetary, 1, 1, 1)

    def grade(value: Fraction, cuts: list[Fraction]) -> int:
        for number, cut in enumerate(cuts, start=1):
            if cut >= value:
                return number
        return 5

    return OracleRow(
        recency, frequency, monetary,
        6 - grade(Fraction(recency), edges["recency_days"]),
        grade(Fraction(frequency), edges["frequency"]),
        grade(Fraction(monetary), edges["monetary"]),
    )  # fmt: skip
