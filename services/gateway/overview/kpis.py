"""The row of key figures: a value, its change since the compared snapshot, and what it means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from gateway.kit.change import Change, days_change, not_good, relative_change
from gateway.kit.expected import Expected
from gateway.kit.numbers import NONE, Numbers
from gateway.quiet.queries import Slipping
from gateway.segments.figures import Segment

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kpi:
    """One card. `full` is the exact figure when `value` is shortened."""

    label: str
    value: str
    note: str
    full: str | None = None
    change: Change | None = None
    proof: str | None = None
    """Where it says how far the figure can be trusted."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the cards need to know of one snapshot."""

    summary: Summary
    segments: list[Segment]
    slipping: Slipping | None = None
    """None for a run that did not look for it."""
    expected: Expected | None = None
    """None for a part of the customers."""
    error: float | None = None
    """Share by which the revenue expected 90 days ago was too high; None where it is not known."""

    @property
    def money(self) -> Decimal:
        """Money of the window, in the run's currency."""
        return Decimal(str(self.summary.get("monetary", 0)))

    @property
    def buyers(self) -> int:
        """Customers with an order in the window."""
        return int(self.summary.get("active_customers", 0))

    @property
    def orders_per_customer(self) -> float:
        """Counted orders per customer who has any."""
        return int(self.summary.get("orders", 0)) / self.buyers if self.buyers else 0.0

    @property
    def average_order(self) -> float:
        """Money per counted order."""
        orders = int(self.summary.get("orders", 0))
        return float(self.money) / orders if orders else 0.0

    @property
    def recency(self) -> float | None:
        """Median days since the last order."""
        value = self.summary.get("median_recency_days")
        return None if value is None else float(value)


def build_kpis(numbers: Numbers, window_days: int, now: Moment, before: Moment | None) -> list[Kpi]:
    """The cards of the overview, in order.

    Figures of the average buyer get better when others leave: while there are fewer buyers they
    are no good news. Nor is it that less is slipping: those who left for good slip no more.
    """
    window, recency = numbers.some(window_days, "day"), now.recency

    def since(figure: Callable[[Moment], float]) -> Change | None:
        return relative_change(numbers, figure(now), figure(before)) if before else None

    def of_buyers(change: Change | None) -> Change | None:
        return not_good(change) if before and now.buyers < before.buyers else change

    return [
        Kpi(
            "Buyers", numbers.count(now.buyers),
            f"of {numbers.some(now.summary.get('customers', 0), 'customer')} ordered in"
            f" {window}",
            change=since(lambda moment: float(moment.buyers)),
        ),
        Kpi(
            "Revenue", numbers.short_money(now.money), f"last {window}",
            full=numbers.exact_money(now.money), change=since(lambda moment: float(moment.money)),
        ),
        _expected(numbers, now.expected, before.expected if before else None, now.error),
        Kpi(
            "Median recency", NONE if recency is None else f"{numbers.count(round(recency))} d",
            "since the last order of buyers",
            change=of_buyers(days_change(numbers, recency, before.recency))
            if before and recency is not None and before.recency is not None else None,
        ),
        Kpi(
            "Orders per buyer", numbers.decimal(now.orders_per_customer, 2),
            numbers.some(now.summary.get("orders", 0), "order"),
            change=of_buyers(since(lambda moment: moment.orders_per_customer)),
        ),
        Kpi(
            "Average order", numbers.money(now.average_order), "per counted order",
            change=of_buyers(since(lambda moment: moment.average_order)),
        ),
        _slipping(numbers, window, now.slipping, before.slipping if before else None),
    ]  # fmt: skip


def without_mood(kpi: Kpi) -> Kpi:
    """The same, but its change is neither good nor bad: what is compared was measured unlike."""
    return replace(kpi, change=replace(kpi.change, mood="even")) if kpi.change else kpi


def _expected(
    numbers: Numbers, now: Expected | None, before: Expected | None, error: float | None
) -> Kpi:
    """Revenue of the 90 days to come; a change between two models would be none of the shop."""
    label = "Expected in the next 90 days"
    if now is None:
        return Kpi(label, NONE, "known for all countries together only")
    if now.expected_revenue_90 is None or now.expected_orders_90 is None:
        return Kpi(label, NONE, now.message)
    rough = "; rough, because few have come back yet" if now.is_rough else ""
    return Kpi(
        label, numbers.short_money(now.expected_revenue_90),
        f"revenue from about {numbers.some(round(now.expected_orders_90), 'order')} by the"
        f" customers you have; new ones come on top{rough}{_was_off(numbers, error)}",
        full=numbers.exact_money(now.expected_revenue_90),
        change=_expected_change(numbers, now, before),
        proof="/dashboard/trust",
    )  # fmt: skip


def _was_off(numbers: Numbers, error: float | None) -> str:
    if error is None:
        return ""
    side = "high" if error > 0 else "low"
    return f". 90 days ago it would have been {numbers.percent(abs(error))} too {side}"


def _expected_change(numbers: Numbers, now: Expected, before: Expected | None) -> Change | None:
    if before is None or now.model_version != before.model_version:
        return None
    return relative_change(
        numbers, float(now.expected_revenue_90 or 0), float(before.expected_revenue_90 or 0)
    )


def _slipping(numbers: Numbers, window: str, now: Slipping | None, before: Slipping | None) -> Kpi:
    """What customers of value who are going quiet spent before they did."""
    if now is None:
        return Kpi("Revenue slipping", NONE, "known from the next run on")
    change = relative_change(
        numbers, float(now.monetary), float(before.monetary), more_is_better=False
    ) if before else None  # fmt: skip
    return Kpi(
        "Revenue slipping", numbers.short_money(now.monetary),
        f"spent by {numbers.some(now.customers, 'valuable customer')} in the {window} up to their"
        " last order",
        full=numbers.exact_money(now.monetary), change=not_good(change),
    )  # fmt: skip
