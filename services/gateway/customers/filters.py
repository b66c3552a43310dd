"""What a list of customers is narrowed to, as SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from gateway.kit.schemas import Snapshot
from rfm_common.snapshots import sortable

Bounds = Mapping[str, Decimal | int]
"""Figures to come between bounds, such as `min_overdue`; who has no such figure is outside."""

SortKey = Literal[
    "customer_id", "-customer_id", "monetary", "-monetary",
    "frequency", "-frequency", "recency_days", "-recency_days",
    "expected_orders_90", "-expected_orders_90", "expected_revenue_90", "-expected_revenue_90",
    "expected_revenue_365", "-expected_revenue_365", "expected_loss_90", "-expected_loss_90",
    "buys_again_90", "-buys_again_90", "half_back_days", "-half_back_days", "overdue", "-overdue",
]  # fmt: skip
COLUMNS = {
    "segment_name": "c.segment_name", "cluster_id": "c.cluster_id", "country": "u.country",
    "r_score": "f.r_score", "f_score": "f.f_score", "m_score": "f.m_score",
    "fm_score": "(f.f_score + f.m_score + 1) / 2",
    "first_order": "h.first_month", "ordered_in": "ANY (h.months)",
}  # fmt: skip
TABLES = {
    "v": "{0.values}", "f": "{0.features}", "c": "{0.assignments}", "u": "customers",
    "h": "customer_cohorts",
}  # fmt: skip
"""By the name that columns have them by; the three tables of a snapshot have everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFilter:
    """What a list is narrowed to; None does not narrow."""

    segment_name: str | None = None
    cluster_id: int | None = None
    country: str | None = None
    r_score: int | None = None
    f_score: int | None = None
    m_score: int | None = None
    fm_score: int | None = None
    """Mean of the frequency and monetary scores, halves rounded up: a row of the 5x5 grid."""
    first_order: date | None = None
    """The first day of the month of the first order, as the newest snapshot has it."""
    ordered_in: date | None = None
    """The same of a month with an order."""
    q: str | None = None
    """Beginning of the id or of the e-mail address in any case; any part when none begins so."""
    bounds: Bounds = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The columns that narrow, with their values; not the text, nor bounds."""
        found = {name: getattr(self, name) for name in COLUMNS}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Condition:
    """A WHERE clause with its values, and the tables that it needs."""

    sql: str
    values: dict[str, Any]
    tables: frozenset[str] = frozenset()
    """Of TABLES."""

    def and_also(self, other: "Condition") -> "Condition":
        """Both."""
        return Condition(
            f"{self.sql} AND {other.sql}",
            self.values | other.values,
            self.tables | other.tables,
        )

    def source(self, snapshot: Snapshot, ordered: str = "", values: str = "{0.values}") -> str:
        """FROM and WHERE with no more tables than needed: each costs a whole join.

        `ordered` is the table that an order needs, if any; `values` what `v` is.
        """
        wanted = self.tables | set(ordered)
        needed = wanted if wanted & set("vc") else wanted | {"f"}
        tables = TABLES | {"v": values}
        first, *others = (
            f"{table.format(snapshot)} {name}" for name, table in tables.items() if name in needed
        )
        joined = "".join(f" JOIN {table} USING (customer_id)" for table in others)
        return f" FROM {first}{joined} WHERE {self.sql}"


EVERYONE = Condition("true", {})


def condition(narrowed: CustomerFilter) -> Condition:
    """All but the text."""
    values = narrowed.values
    tables = frozenset(
        name for column in values for name in TABLES if f"{name}." in COLUMNS[column]
    )
    passing = Condition(" AND ".join(["true", *(f":{name} = {COLUMNS[name]}" for name in values)]),
                        values, tables)  # fmt: skip
    return passing.and_also(_between(narrowed.bounds)) if narrowed.bounds else passing


def _between(bounds: Bounds) -> Condition:
    return Condition(" AND ".join(map(_bound, bounds)), dict(bounds), frozenset("v"))


def _bound(name: str) -> str:
    """In the words of an index; a figure that is empty is no number to compare."""
    side, _, figure = name.partition("_")
    sign = {"min": ">=", "max": "<="}[side]
    return f"{sortable(f'v.{figure}')} {sign} :{name} AND v.{figure} IS NOT NULL"
