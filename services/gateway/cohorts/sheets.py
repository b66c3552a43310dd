"""Cohorts as sheets of a workbook. Pure."""

from collections.abc import Sequence
from datetime import date

from gateway.cohorts.schemas import Cohort
from gateway.kit.workbook import Sheet, Value

SHEETS = {
    "Customers": "customers", "Share of customers": "share", "Orders": "orders",
    "Revenue": "revenue", "Revenue per customer so far": "revenue_per_customer",
}  # fmt: skip
"""Name of a sheet, and the figure of its cells."""


def cohort_sheets(cohorts: Sequence[Cohort]) -> list[Sheet]:
    """One for each figure; the last month of each row may not be over yet."""
    longest = max((len(cohort.cells) for cohort in cohorts), default=0)
    headings: list[Value] = ["First order", "Customers", *range(longest)]
    return [
        Sheet(name, headings, [_row(cohort, figure) for cohort in cohorts])
        for name, figure in SHEETS.items()
    ]


def _row(cohort: Cohort, figure: str) -> list[Value]:
    first = date.fromisoformat(f"{cohort.first_month}-01")
    return [first, cohort.customers, *(getattr(cell, figure) for cell in cohort.cells)]
