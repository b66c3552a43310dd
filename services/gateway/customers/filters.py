"""What a list of customers is narrowed to, as SQL."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from gateway.kit.schemas import Snapshot

SortKey = Literal[
    "customer_id", "-customer_id", "monetary", "-monetary",
    "frequency", "-frequency", "recency_days", "-recency_days",
]  # fmt: skip
COLUMNS = {
    "segment_name": "c.segment_name", "cluster_id": "c.cluster_id", "country": "u.country",
    "r_score": "f.r_score", "f_score": "f.f_score", "m_score": "f.m_score",
    "fm_score": "(f.f_score + f.m_score + 1) / 2",
    "first_order": "h.first_month", "ordered_in": "ANY (h.months)",
}  # fmt: skip
TABLES = {"c": "{assignments}", "u": "customers", "h": "customer_cohorts"}
"""What is joined to the features, by the name that columns have it by."""


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

    @property
    def values(self) -> dict[str, Any]:
        """The columns that narrow, with their values; not the text."""
        found = {name: getattr(self, name) for name in COLUMNS}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Condition:
    """A WHERE clause with its values, and the tables that it needs besides the features."""

    sql: str
    values: dict[str, Any]
    tables: frozenset[str] = frozenset()

    def and_also(self, other: "Condition") -> "Condition":
        """Both."""
        return Condition(
            f"{self.sql} AND {other.sql}",
            self.values | other.values,
            self.tables | other.tables,
        )

    def source(self, snapshot: Snapshot) -> str:
        """FROM and WHERE with no more tables than needed: each costs a whole join."""
        joined = "".join(
            f" JOIN {table.format(assignments=snapshot.assignments)} {name} USING (customer_id)"
            for name, table in TABLES.items()
            if name in self.tables
        )
        return f" FROM {snapshot.features} f{joined} WHERE {self.sql}"


EVERYONE = Condition("true", {})


def condition(narrowed: CustomerFilter) -> Condition:
    """All but the text."""
    values = narrowed.values
    tables = frozenset(
        name for column in values for name in TABLES if f"{name}." in COLUMNS[column]
    )
    return Condition(" AND ".join(["true", *(f":{name} = {COLUMNS[name]}" for name in values)]),
                     values, tables)  # fmt: skip
