"""The row of key figures: a value, its change since the compared snapshot, and what it means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.kit.change import Change, days_change, relative_change
from gateway.kit.guide import guide
from gateway.kit.numbers import NONE, Numbers
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


def money_at_risk(segments: list[Segment]) -> tuple[Decimal, float]:
    """Money, and its share, of the segments that are slipping away."""
    slipping = [segment for segment in segments if guide(segment.name).is_slipping]
    money = sum((segment.monetary for segment in slipping), Decimal(0))
    return money, sum(segment.monetary_share for segment in slipping)


@dataclass(frozen=True, slots=True)
class Moment:
    """What the cards need to know of one snapshot."""

    summary: Summary
    segments: list[Segment]

    @property
    def money(self) -> Decimal:
        """Money of the window, in the run's currency."""
        return Decimal(str(self.summary.get("monetary") or 0))

    @property
    def orders_per_customer(self) -> float:
        """Counted orders per customer who has any."""
        active = int(self.summary.get("active_customers") or 0)
        return int(self.summary.get("orders") or 0) / active if active else 0.0

    @property
    def average_order(self) -> float:
        """Money per counted order."""
        orders = int(self.summary.get("orders") or 0)
        return float(self.money) / orders if orders else 0.0

    @property
    def recency(self) -> float | None:
        """Median days since the last order."""
        value = self.summary.get("median_recency_days")
        return None if value is None else float(value)


def build_kpis(numbers: Numbers, window_days: int, now: Moment, before: Moment | None) -> list[Kpi]:
    """The cards of the overview, in order."""
    active = int(now.summary.get("active_customers") or 0)
    at_risk, at_risk_share = money_at_risk(now.segments)
    recency = now.recency

    def since(figure: Callable[[Moment], float], more_is_better: bool = True) -> Change | None:
        if before is None:
            return None
        return relative_change(numbers, figure(now), figure(before), more_is_better=more_is_better)

    return [
        Kpi(
            "Customers", numbers.count(now.summary.get("customers") or 0),
            f"{numbers.count(active)} with an order in {numbers.count(window_days)} days",
            change=since(lambda moment: float(moment.summary.get("customers") or 0)),
        ),
        Kpi(
            "Revenue", numbers.short_money(now.money), f"last {numbers.count(window_days)} days",
            full=numbers.exact_money(now.money), change=since(lambda moment: float(moment.money)),
        ),
        Kpi(
            "Median recency", NONE if recency is None else f"{numbers.count(round(recency))} d",
            "since the last order",
            change=days_change(numbers, recency, before.recency)
            if before and recency is not None and before.recency is not None else None,
        ),
        Kpi(
            "Orders per customer", numbers.decimal(now.orders_per_customer, 2),
            f"{numbers.count(now.summary.get('orders') or 0)} orders",
            change=since(lambda moment: moment.orders_per_customer),
        ),
        Kpi(
            "Average order", numbers.money(now.average_order), "per counted order",
            change=since(lambda moment: moment.average_order),
        ),
        Kpi(
            "Revenue slipping", numbers.short_money(at_risk),
            f"{numbers.percent(at_risk_share)} of it: At Risk and Hibernating customers",
            full=numbers.exact_money(at_risk),
            change=since(lambda moment: float(money_at_risk(moment.segments)[0]), False),
        ),
    ]  # fmt: skip
