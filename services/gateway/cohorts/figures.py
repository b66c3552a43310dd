"""From what was counted to cohorts with every month since, shares and sums so far. Pure."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import groupby

from msgspec.structs import asdict

from gateway.cohorts.queries import Counted, State
from gateway.cohorts.schemas import Cell, Cohort, CohortRow
from rfm_common.models import MONEY_SCALE

NOTHING = Decimal(0)
UNIT = Decimal(1).scaleb(-MONEY_SCALE)


def written(month: date) -> str:
    """Such as 2026-11."""
    return f"{month:%Y-%m}"


def add_months(month: date, number: int) -> date:
    """The first day of the month so many months later, or earlier."""
    years, place = divmod(month.year * 12 + month.month - 1 + number, 12)
    return date(years, place + 1, 1)


def months_between(first: date, last: date) -> Iterator[date]:
    """Each month, both ends included."""
    while first <= last:
        yield first
        first = add_months(first, 1)


def build_cohorts(counted: Iterable[Counted], state: State) -> list[Cohort]:
    """Cohorts in the order of their rows, each with every month up to the last one."""
    return [
        _cohort(first, {row.month: row for row in rows}, state)
        for first, rows in groupby(counted, key=lambda row: row.first_month)
    ]


def _cohort(first: date, counted: dict[date, Counted], state: State) -> Cohort:
    size, so_far, cells = counted[first].customers, NOTHING, []
    for number, month in enumerate(months_between(first, state.last_month)):
        row = counted.get(month)
        so_far += row.revenue if row else NOTHING
        cells.append(Cell(
            month=written(month), months_since=number,
            is_complete=state.is_last_over or month < state.last_month,
            customers=row.customers if row else 0,
            share=row.customers / size if row else 0.0,
            orders=row.orders if row else 0,
            revenue=row.revenue if row else NOTHING,
            revenue_per_customer=(so_far / size).quantize(UNIT),
        ))  # fmt: skip
    return Cohort(first_month=written(first), customers=size, cells=cells)


def flat(cohorts: Iterable[Cohort]) -> list[CohortRow]:
    """A row per cell."""
    return [
        CohortRow(
            first_month=cohort.first_month, cohort_customers=cohort.customers, **asdict(cell)
        )
        for cohort in cohorts
        for cell in cohort.cells
    ]  # fmt: skip
