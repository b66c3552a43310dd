"""R, F and M: their one SQL text, and the quintile edges that make scores of them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from hashlib import sha256
from zoneinfo import ZoneInfo

from rfm_common import documents
from rfm_common.calendar import days_before
from rfm_common.counting import counted_by
from rfm_common.explain import SCORES
from rfm_common.models import MONEY_SCALE
from scoring.snapshot.dialects import Dialect

QUINTILES = (1, 2, 3, 4)
"""Fifths at which the four edges lie."""
CENT = Decimal(1).scaleb(-MONEY_SCALE)

IN_SCORES = "c.excluded_at IS NULL AND c.joined_to IS NULL"
"""Whether a customer `c` is scored: not kept out by a person, nor the address of another."""
PURCHASE = "o.order_amount >= 0"
"""Whether `o` is an order: a negative amount is a refund."""

Edges = Mapping[str, Sequence[Decimal]]
Among = Callable[[str], str]
"""Which customers: makes a condition of the name of a column of customer ids."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Base units for one unit of `currency` on one day of the shop."""

    currency: str
    day: date
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Everything that the definition of R, F, M depends on."""

    calc_date: datetime
    window_days: int
    statuses: tuple[str, ...] = ()
    """Words that count, where the operator lists them; see `rfm_common.counting`."""
    base_currency: str
    zone: str
    rates: tuple[Rate, ...] = ()
    as_of: bool = False
    """Leave out customers who were not known yet at calc_date (snapshots of the past)."""

    @property
    def window_start(self) -> datetime:
        """The first moment that counts: so many days ago by the shop's clock."""
        return days_before(self.calc_date, self.window_days, ZoneInfo(self.zone))

    def fingerprint(self) -> str:
        """Equal for equal definitions, also in another process."""
        return sha256(repr(self).encode()).hexdigest()


def everyone(_: str) -> str:
    """All customers."""
    return "TRUE"


def features_sql(spec: Spec, dialect: Dialect, among: Among = everyone) -> str:
    """One row for each customer: customer_id, recency_days, frequency, monetary, left_out, country
    and silent_days.

    Recency counts days of the shop's clock, so that a change to or from summer time moves nobody.
    A row with a negative amount is a refund: it lowers monetary, and is neither an order nor the
    last one. Whoever has nothing else in the window has no order there, and so monetary 0.
    `left_out` counts the orders without an exchange rate: they count, their money does not.
    Customers whom a person keeps out of scores (`excluded_at`) have no row, nor have the addresses
    of customers who are known by id (`joined_to`).
    `silent_days` counts from the last counted order, in the window or before it; NULL without one.
    """
    return f"""
WITH {rate_table(spec, dialect)}counted AS (
    SELECT o.customer_id, CASE WHEN {PURCHASE} THEN o.order_date END AS bought,
           {amount(spec, dialect)} AS amount,
           CASE WHEN o.order_date >= {dialect.timestamp(spec.window_start)} THEN 1 END AS recent
    FROM orders o{rate_join(spec, dialect)}
    WHERE {counted(spec, dialect)} AND {among("o.customer_id")}
), summed AS (
    SELECT customer_id, max(CASE WHEN recent = 1 THEN bought END) AS last_order,
           count(CASE WHEN recent = 1 THEN bought END) AS frequency,
           sum(CASE WHEN recent = 1 THEN amount END) AS monetary,
           count(recent) - count(CASE WHEN recent = 1 THEN amount END) AS left_out,
           max(bought) AS ever
    FROM counted GROUP BY customer_id
)
SELECT c.customer_id,
       COALESCE({days_since("s.last_order", spec, dialect)},
                {spec.window_days + 1}) AS recency_days,
       COALESCE(s.frequency, 0) AS frequency,
       CASE WHEN s.frequency > 0 THEN COALESCE(s.monetary, 0) ELSE 0 END AS monetary,
       COALESCE(s.left_out, 0) AS left_out, c.country,
       {days_since("s.ever", spec, dialect)} AS silent_days
FROM customers c LEFT JOIN summed s ON s.customer_id = c.customer_id
WHERE {IN_SCORES} AND {_known(spec, dialect)}
  AND {among("c.customer_id")}
"""


def days_since(moment: str, spec: Spec, dialect: Dialect) -> str:
    """Whole days from a moment to calc_date, by the shop's clock."""
    moments = (moment, dialect.timestamp(spec.calc_date))
    return dialect.whole_days(*(dialect.local(moment, spec.zone) for moment in moments))


def counted(spec: Spec, dialect: Dialect) -> str:
    """Whether an order or a refund `o` counts by calc_date, in the window or before it."""
    word, values = counted_by(spec.statuses)
    listed = ", ".join(dialect.text(value) for value in values)
    moment = dialect.timestamp(spec.calc_date)
    return f"o.order_date <= {moment} AND {word} IN ({listed})"


def amount(spec: Spec, dialect: Dialect) -> str:
    """Money in the base currency; NULL where no rate is known."""
    base = dialect.text(spec.base_currency)
    foreign = f" ELSE round(o.order_amount * x.rate, {MONEY_SCALE})" if spec.rates else ""
    return f"CASE WHEN o.currency IN ('', {base}) THEN o.order_amount{foreign} END"


def rate_table(spec: Spec, dialect: Dialect) -> str:
    """The beginning of a WITH clause that `rate_join` needs; nothing without rates."""
    if not spec.rates:
        return ""
    rows = ", ".join(
        f"({dialect.text(item.currency)}, DATE '{item.day}', CAST({item.rate:f} AS decimal(24,12)))"
        for item in spec.rates
    )
    return f"rates (currency, day, rate) AS (VALUES {rows}), "


def rate_join(spec: Spec, dialect: Dialect) -> str:
    """The rate `x` of an order `o` on its day."""
    if not spec.rates:
        return ""
    day = f"CAST({dialect.local('o.order_date', spec.zone)} AS date)"
    return f" LEFT JOIN rates x ON x.currency = o.currency AND x.day = {day}"


def _known(spec: Spec, dialect: Dialect) -> str:
    if not spec.as_of:
        return "TRUE"
    moment = dialect.timestamp(spec.calc_date)
    return (
        f"(COALESCE(c.created_at <= {moment}, FALSE) OR EXISTS (SELECT 1 FROM orders p"
        f" WHERE p.customer_id = c.customer_id AND p.order_date <= {moment}))"
    )


def daily_rates(
    known: Sequence[Rate], base_currency: str, first: date, last: date
) -> tuple[Rate, ...]:
    """The rate of each currency on each day from `first` to `last`: the latest one by then."""
    filled: list[Rate] = []
    for currency in sorted({rate.currency for rate in known} - {base_currency, ""}):
        steps = sorted((item for item in known if item.currency == currency), key=lambda r: r.day)
        filled += _fill(steps, first, last)
    return tuple(filled)


def _fill(steps: Sequence[Rate], first: date, last: date) -> list[Rate]:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    filled, place = [], -1
    for day in days:
        while place + 1 < len(steps) and steps[place + 1].day <= day:
            place += 1
        if place >= 0:
            filled.append(Rate(steps[place].currency, day, steps[place].rate))
    return filled


def edge_positions(count: int) -> list[int]:
    """The ranks (from 0) of the sorted values that the edges of `count` values lie between."""
    lows = [(count - 1) * fifth // 5 for fifth in QUINTILES] if count else []
    return sorted({rank for low in lows for rank in (low, min(low + 1, count - 1))})


def edges_at(values: Mapping[int, Decimal], count: int) -> list[Decimal]:
    """Type-7 quantiles at 20, 40, 60 and 80 %, exact, from the values at `edge_positions`."""
    edges = []
    for fifth in QUINTILES if count else ():
        low, rest = divmod((count - 1) * fifth, 5)
        high = min(low + 1, count - 1)
        edges.append(values[low] + (values[high] - values[low]) * rest / 5)
    return edges


def cuts(edges: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """The edges rounded down to `unit`: equal for comparing values that are multiples of it."""
    return [edge.quantize(unit, ROUND_FLOOR) for edge in edges]


def stored_edges(edges: Edges) -> documents.Edges:
    """The edges as the run's row keeps them: money in exact digits, counts as numbers."""
    return {
        name: [str(edge) if name == "monetary" else float(edge) for edge in edges[name]]
        for name in SCORES
        if edges.get(name)
    }
