"""Rows of `segment_stats` from what an engine counted. Pure."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from scoring.snapshot.features import CENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The sums and medians of one cluster."""

    customers: int = 0
    orders: int = 0
    monetary: Decimal = Decimal(0)
    recency_sum: int = 0
    median_recency_days: Decimal = Decimal(0)
    median_frequency: Decimal = Decimal(0)
    median_monetary: Decimal = Decimal(0)


def stat(
    cluster: int, name: str, one: Counted, customers: int, monetary: Decimal
) -> dict[str, Any]:
    """One cluster's row; `customers` and `monetary` are those of the whole snapshot."""
    money = exact(one.monetary)
    return {
        "cluster_id": cluster, "segment_name": name, "customer_count": one.customers,
        "customer_share": one.customers / max(customers, 1),
        "order_count": one.orders, "monetary": money,
        "monetary_share": float(money / monetary) if monetary else 0.0,
        "avg_recency_days": float(one.recency_sum) / max(one.customers, 1),
        "avg_frequency": one.orders / max(one.customers, 1),
        "avg_monetary": _per(money, one.customers) or Decimal(0),
        "avg_order_value": _per(money, one.orders),
        "median_recency_days": float(one.median_recency_days),
        "median_frequency": float(one.median_frequency),
        "median_monetary": exact(one.median_monetary),
    }  # fmt: skip


def middle(count: int) -> list[int]:
    """The ranks (from 0) whose mean is the median."""
    return [(count - 1) // 2, count // 2] if count else []


def exact(money: Decimal) -> Decimal:
    """To the fourth digit."""
    return money.quantize(CENT, ROUND_HALF_EVEN)


def _per(money: Decimal, count: int) -> Decimal | None:
    return exact(money / count) if count else None
