"""Cohorts from what was counted: every month since, shares, sums so far, colours, workbooks."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from gateway.cohorts.figures import add_months, build_cohorts, flat, months_between
from gateway.cohorts.page import LABELS, Asked, build_lines
from gateway.cohorts.queries import Counted, State
from gateway.cohorts.sheets import SHEETS, cohort_sheets
from gateway.kit.numbers import Numbers
from gateway.kit.workbook import Sheet, workbook

NUMBERS = Numbers(Locale("en", "GB"), ZoneInfo("UTC"), "EUR")
FIRST = date(2025, 11, 1)
MONTHS = st.integers(0, 14).map(lambda number: add_months(FIRST, number))
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 6), MONTHS, st.decimals(-50, 500, places=2), st.booleans()
    ).map(lambda one: (one[0], one[1], abs(one[2]) if one[3] else one[2])),
    min_size=1, max_size=40,
)  # fmt: skip
"""Orders, and refunds: customer, month, amount."""


def state(*, over: bool = True) -> State:
    return State(run_id=1, calc_date=datetime(2027, 1, 31, tzinfo=UTC), base_currency="EUR",
                 last_month=date(2027, 1, 1), is_last_over=over)  # fmt: skip


def counted_of(events) -> list[Counted]:
    """Counted by hand, as the tables have it."""
    firsts: dict[int, date] = {}
    for customer, month, amount, *_ in events:
        if amount >= 0:
            firsts[customer] = min(month, firsts.get(customer, month))
    cells: dict[tuple[date, date], list] = defaultdict(lambda: [set(), 0, Decimal(0)])
    for customer, month, amount, *_ in events:
        if first := firsts.get(customer):
            cell = cells[first, max(month, first)]
            cell[2] += amount
            if amount >= 0:
                cell[0].add(customer)
                cell[1] += 1
    return [
        Counted(first_month=key[0], month=key[1], customers=len(cell[0]), orders=cell[1],
                revenue=cell[2], left_out=0)
        for key, cell in sorted(cells.items())
    ]  # fmt: skip


@given(EVENTS)
def test_figures_agree_with_polars(events) -> None:
    """Shares and sums so far, by joins and window functions on single orders."""
    rows = [(row.first_month, row.month, row.customers, row.share, row.revenue_per_customer)
            for row in flat(build_cohorts(counted_of(events), state()))]  # fmt: skip
    frame = pl.DataFrame(
        [one[:3] for one in events], orient="row",
        schema={"customer": pl.Int64, "month": pl.Date, "amount": pl.Decimal(20, 2)},
    )  # fmt: skip
    firsts = frame.filter(pl.col("amount") >= 0).group_by("customer").agg(first=pl.min("month"))
    sizes = firsts.group_by("first").agg(size=pl.len())
    placed = frame.join(firsts, on="customer")
    expected = []
    for first, size in sizes.sort("first").iter_rows():
        mine = placed.filter(pl.col("first") == first)
        for number in range((2027 - first.year) * 12 + 1 - first.month + 1):
            month = date(first.year + (first.month - 1 + number) // 12,
                         (first.month - 1 + number) % 12 + 1, 1)  # fmt: skip
            bought = mine.filter(pl.col("month") == month, pl.col("amount") >= 0)
            so_far = mine.filter(pl.col("month") <= month)["amount"].sum()
            expected.append((
                first.strftime("%Y-%m"), month.strftime("%Y-%m"), bought["customer"].n_unique(),
                bought["customer"].n_unique() / size,
                (Decimal(so_far) / size).quantize(Decimal("0.0001")),
            ))  # fmt: skip
    assert rows == expected


def test_only_the_last_month_may_still_go_on() -> None:
    counted = counted_of([(1, FIRST, Decimal(5)), (1, date(2027, 1, 1), Decimal(5))])
    cells = build_cohorts(counted, state(over=False))[0].cells
    assert [cell.is_complete for cell in cells] == [True] * 14 + [False]
    assert all(cell.is_complete for cell in build_cohorts(counted, state())[0].cells)


@pytest.mark.parametrize(
    ("month", "number", "other"),
    [("2025-12", 1, "2026-01"), ("2026-01", -1, "2025-12"), ("2026-11", 14, "2028-01"),
     ("2026-03", -27, "2023-12")],
)  # fmt: skip
def test_months_are_added_over_years(month, number, other) -> None:
    first, last = (date.fromisoformat(f"{one}-01") for one in (month, other))
    assert add_months(first, number) == last
    assert len(list(months_between(min(first, last), max(first, last)))) == abs(number) + 1


def test_colours_tell_who_came_back_and_cells_lead_to_their_customers() -> None:
    counted = counted_of([
        *((one, FIRST, Decimal(10)) for one in range(10)),
        *((one, date(2025, 12, 1), Decimal(10)) for one in range(5)),
        (7, date(2026, 1, 1), Decimal(10)), (7, date(2026, 2, 1), Decimal(-3)),
    ])  # fmt: skip
    asked = Asked(country="Côte d'Ivoire & co")
    squares = build_lines(build_cohorts(counted, state()), asked, NUMBERS)[0].squares
    assert [square.heat for square in squares[:4]] == [0, 9, 2, 0]
    assert [square.text for square in squares[:4]] == ["100.0%", "50.0%", "10.0%", "0.0%"]
    assert squares[1].url == (
        "/dashboard/customers?first_order=2025-11&ordered_in=2025-12"
        "&country=C%C3%B4te+d%27Ivoire+%26+co"
    )
    assert squares[3].url is None
    earned = Asked(figure="revenue")
    squares = build_lines(build_cohorts(counted, state()), earned, NUMBERS)[0].squares
    assert (squares[3].text, squares[3].heat) == ("-€3.00", 0)


def texts_of(events, figure) -> list[tuple[str, int]]:
    cohorts = build_cohorts(counted_of(events), state())
    return [(one.text, one.heat) for one in build_lines(cohorts, Asked(figure), NUMBERS)[0].squares]


DECEMBER, JANUARY = date(2025, 12, 1), date(2026, 1, 1)


@pytest.mark.parametrize(
    ("events", "figure", "expected"),
    [
        ([(1, FIRST, 10), (2, FIRST, 30), (1, DECEMBER, 5), (1, DECEMBER, 5), (2, JANUARY, -20)],
         "orders_share", [("100.0%", 0), ("100.0%", 9), ("0.0%", 0)]),
        ([(1, FIRST, 10), (2, FIRST, 30), (1, DECEMBER, 60), (1, JANUARY, 10), (2, JANUARY, -20)],
         "revenue_share", [("100.0%", 0), ("150.0%", 9), ("-25.0%", 0)]),
        ([(1, FIRST, 10), (1, FIRST, -10), (1, DECEMBER, 60)], "revenue_share",
         [("–", 0), ("–", 0), ("–", 0)]),
        ([(1, FIRST, 0), (1, DECEMBER, 60)], "orders_share", [("100.0%", 0), ("100.0%", 9)]),
    ],
)  # fmt: skip
def test_orders_and_revenue_as_a_share_of_the_first_month(events, figure, expected) -> None:
    made = [(customer, month, Decimal(amount)) for customer, month, amount in events]
    assert texts_of(made, figure)[: len(expected)] == expected


@given(EVENTS, st.sampled_from(list(LABELS)))
def test_every_figure_of_any_shop_can_be_shown(events, figure) -> None:
    for line in build_lines(build_cohorts(counted_of(events), state()), Asked(figure), NUMBERS):
        assert all(one.text and 0 <= one.heat <= 9 for one in line.squares)


def read(content: bytes) -> dict[str, list[list]]:
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_a_workbook_has_a_sheet_for_each_figure() -> None:
    counted = counted_of([(1, FIRST, Decimal(5)), (2, FIRST, Decimal(6)),
                          (2, date(2026, 1, 1), Decimal("7.25"))])  # fmt: skip
    found = read(workbook(cohort_sheets(build_cohorts(counted, state()))))
    assert list(found) == list(SHEETS)
    assert found["Customers"][0][:5] == ["First order", "Customers", 0, 1, 2]
    assert found["Customers"][1][:5] == [FIRST, 2, 2, 0, 1]
    assert found["Share of customers"][1][2:5] == [1, 0, 0.5]
    assert found["Revenue"][1][2:5] == [11, 0, 7.25]
    assert found["Revenue per customer so far"][1][2:5] == [5.5, 5.5, 9.125]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=cmd|" /C calc"!A0'])
def test_a_workbook_holds_no_formula(text: str) -> None:
    found = read(workbook([Sheet("A & B", [text], [[f"x{text}"]])]))
    assert found == {"A & B": [[f"'{text}"], [f"x{text}"]]}


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_text_makes_a_workbook_that_opens(texts: list[str]) -> None:
    assert len(read(workbook([Sheet("S", ["a"], [["x", *texts]])]))["S"]) == 2


def test_no_cohorts_make_empty_sheets() -> None:
    assert read(workbook(cohort_sheets([])))["Orders"] == [["First order", "Customers"]]
