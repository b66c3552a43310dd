"""Rows that are no sound CSV but can be read in one way only are read, counted and told."""

import pytest

from ingest.reading.mending import BARE_QUOTE, TOO_FEW, TOO_MANY, MendedCount
from tests.unit.ingest.reading.reading import read

ORDERS = "order_id,customer_id,order_date,order_amount,note,extra\n"
GOOD = "1,C1,2026-09-01,10.00,ok,\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("note", ['5" pipe', 'a "b" c', 'x"', 'it is 6" by 4"'])
def test_a_quote_inside_a_cell_without_quotes_is_text(delimiter: str, note: str) -> None:
    row = f"2,C2,2026-09-02,20.00,{note},"
    found = read((ORDERS + GOOD + row + "\n" + GOOD.replace("1", "3", 1)).replace(",", delimiter))
    assert found.rows["order_id"].to_list() == ["1", "2", "3"]
    assert found.rejects.height == 0


def test_such_a_quote_in_a_column_that_is_read_is_kept() -> None:
    found = read(ORDERS + '1,C"1,2026-09-01,10.00,ok,\n2,C2,2026-09-02,1.00,"x, ""y""",\n')
    assert found.rows["customer_id"].to_list() == ['C"1', "C2"]


@pytest.mark.parametrize(
    "row", ["2,C2,2026-09-02,20.00", "2,C2,2026-09-02,20.00,", '"2","C2","2026-09-02","20.00"']
)
def test_cells_that_no_row_needs_may_be_missing_at_the_end(row: str) -> None:
    found = read(ORDERS + GOOD + row + "\n")
    assert found.rows["order_id"].to_list() == ["1", "2"]


@pytest.mark.parametrize("row", ["2,C2,2026-09-02", "2,C2,,20.00,x", "2", "2,C2,20.00,x,y"])
def test_a_row_without_what_it_needs_stays_listed(row: str) -> None:
    found = read(ORDERS + GOOD + row + "\n")
    assert (found.rows.height, found.rejects.height) == (1, 1)


@pytest.mark.parametrize("surplus", [",", ",,,", ", ,", ',""'])
def test_empty_cells_behind_the_header_are_ignored(surplus: str) -> None:
    found = read(ORDERS + GOOD + "2,C2,2026-09-02,20.00,x,y" + surplus + "\n")
    assert (found.rows["order_id"].to_list(), found.rejects.height) == (["1", "2"], 0)


def spaced(*rows: list[str], space: str) -> str:
    """The rows, every cell in quotes, with `space` where the comma stands."""
    return "".join(space.join(f'"{cell}"' for cell in row) + "\n" for row in rows)


@pytest.mark.parametrize("space", [", ", " ,", " , ", ",   "])
@pytest.mark.parametrize("name", ["Ann", "Ann, B.", 'Ann ""B""', ""])
def test_spaces_around_quotes_are_no_part_of_the_cell(space: str, name: str) -> None:
    header = ["customer_id", "email", "name", "country"]
    rows = [[f"C{number}", "a@ex.test", name, "DE"] for number in (1, 2)]
    found = read(spaced(header, space=space.lstrip()) + spaced(*rows, space=space))
    assert found.rows.select("customer_id", "email", "country").rows() == [
        ("C1", "a@ex.test", "DE"), ("C2", "a@ex.test", "DE")
    ]  # fmt: skip
    assert found.mended == [("spaced_quote", 2), ("spaced_quote", 3)]


def test_a_header_with_spaces_is_known_where_it_stands_once_more() -> None:
    header = "customer_id, email, country\n"
    found = read(header + "C1, a@ex.test, DE\n" + header)
    assert (found.rows.height, found.rejects["reason"].to_list()) == (1, ["repeated_header"])


@pytest.mark.parametrize("cell", [' "x', ' "x" y', ' "x""', ' "a"b"'])
def test_a_quote_behind_a_space_that_does_not_close_the_cell_costs_the_row(cell: str) -> None:
    found = read(ORDERS + GOOD + f"2,C2,2026-09-02,20.00,{cell},\n" + GOOD.replace("1", "3", 1))
    assert found.rows["order_id"].to_list() == ["1", "3"]
    assert found.rejects["line"].to_list() == [3]


def test_a_cell_too_many_that_says_something_is_listed() -> None:
    found = read(ORDERS + GOOD + "2,C2,2026-09-02,20.00,x,y,z\n")
    assert found.rejects["reason"].to_list() == ["too_many_cells"]


@pytest.mark.parametrize(
    "row", ["C2,DE,2026-01-02", "C2,a@ex.test,2026-01-02", "a@ex.test,DE,2026-01-02"]
)
def test_a_cell_that_is_missing_in_the_middle_shifts_nothing(row: str) -> None:
    found = read("customer_id,email,country,created_at\nC1,b@ex.test,DE,2026-01-01\n" + row + "\n")
    assert (found.rows.height, found.rejects.height) == (1, 1)


@pytest.mark.parametrize("row", ['C2,The "A, B" Co,DE', 'C2,6" x, 4",DE', 'C2,a ",b",DE'])
def test_a_name_that_was_cut_between_its_quotes_shifts_nothing(row: str) -> None:
    header = "customer_id,name,email,country\nC1,Ann,b@ex.test,DE\n"
    found = read(header + row + "\n" + 'C3,The "A" Co,c@ex.test,DE\n')
    assert found.rows["customer_id"].to_list() == ["C1", "C3"]
    assert found.rejects["reason"].to_list() == ["bare_quote"]


def test_what_was_mended_is_told_with_its_count_and_first_line() -> None:
    count = MendedCount({})
    count.add([(BARE_QUOTE, 7), (TOO_FEW, 9), (BARE_QUOTE, 8)])
    count.add([(TOO_MANY, 12)])
    texts = [note["text"] for note in count.told()]
    assert texts[0].startswith("2 rows with a quote")
    assert [text.rsplit(" ", 1)[1] for text in texts] == ["7", "9", "12"]
