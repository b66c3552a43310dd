"""Lines that are no rows are not taken for some, and all but blank ones are listed."""

import io

import pytest

from ingest.reading.reader import Options, batches, plan
from ingest.reading.survey import survey

ORDERS = ["order_id", "customer_id", "order_date", "order_amount"]
CUSTOMERS = ["customer_id", "email", "country"]


def read(text: str) -> tuple[list[int], dict[int, str], int]:
    """The lines that are rows, the reasons of the others, and how many rows were counted."""
    file = io.BytesIO(text.encode())
    found = list(batches(file, plan(file, "file.csv", survey(file), Options())))
    lines = [line for batch in found for line in batch.rows["import_line"]]
    rejects = [row for batch in found for row in batch.rejects.select("line", "reason").rows()]
    return lines, dict(rejects), sum(batch.count for batch in found)


def orders(*lines: str, ending: str = "\n") -> str:
    rows = [f"A{number},C1,2024-03-0{number},5.00" for number in (1, 2)]
    return ending.join([",".join(ORDERS), *rows, *lines, ""])


def customers(*lines: str) -> str:
    return "\n".join([",".join(CUSTOMERS), "C1,a@example.com,DE", *lines, ""])


@pytest.mark.parametrize("line", ["Total,,,10.00", "Summe,,,10.00", "\"Grand Total\",,,\"10.00\"",
                                  ",,Total,10.00", "TOTAL: 10.00", "合計,,,10"])  # fmt: skip
def test_a_line_of_totals_is_no_order(line: str) -> None:
    if line.startswith(",,"):  # in the column of dates it is a row that lacks its id
        assert read(orders(line)) == ([2, 3], {4: "empty"}, 3)
    else:
        assert read(orders(line)) == ([2, 3], {4: "total_line"}, 3)


@pytest.mark.parametrize("line", ["2 record(s) downloaded", "Exported on 2024-04-01",
                                  "End of report,,,", "2 rows,,,"])  # fmt: skip
def test_a_note_below_the_table_is_no_order(line: str) -> None:
    assert read(orders(line)) == ([2, 3], {4: "footer_line"}, 3)


@pytest.mark.parametrize("line", [",,,", ",,,,,,", '"","","",""', " , , , "])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_row_of_nothing_counts_as_a_blank_line(line: str, ending: str) -> None:
    lines, rejects, count = read(orders(line, line, ending=ending))
    assert (lines, count - len(rejects)) == ([2, 3], 2)
    if line != " , , , ":
        assert rejects == {}


@pytest.mark.parametrize("where", [0, 1])
def test_the_header_once_more_is_no_row(where: int) -> None:
    again = (",".join(ORDERS), "A9,C9,2024-03-09,5.00")[:: 1 if where else -1]
    lines, rejects, count = read(orders(*again))
    assert (len(lines), list(rejects.values()), count) == (3, ["repeated_header"], 4)


@pytest.mark.parametrize(
    ("line", "reason"),
    [("Total,,", "total_line"), (",".join(CUSTOMERS), "repeated_header"),
     ("1 record(s) downloaded", "footer_line")],
)  # fmt: skip
def test_customers_are_not_made_of_other_lines(line: str, reason: str) -> None:
    assert read(customers(line)) == ([2], {3: reason}, 2)


@pytest.mark.parametrize("line", ["Total Wine,C1,2024-03-05,5.00", "Sum41,C1,2024-03-05,5.00"])
def test_an_order_whose_id_only_sounds_like_a_total_is_a_row(line: str) -> None:
    assert read(orders(line)) == ([2, 3, 4], {}, 3)
