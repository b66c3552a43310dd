"""The header is found under any usual delimiter, quoted or not, and below titles."""

import io

import pytest

from ingest.reading.reader import Layout, Options, batches, plan
from ingest.reading.survey import survey
from ingest.refusal import RefusedError

NAMES = ["order_id", "customer_id", "order_date", "order_amount"]
ROW = ["A1", "C1", "2024-03-01", "5.00"]


def planned(text: str) -> tuple[Layout, list[tuple[int, str]]]:
    """The layout, and line and id of each order."""
    file = io.BytesIO(text.encode())
    layout = plan(file, "orders.csv", survey(file), Options())
    rows = [row for batch in batches(file, layout)
            for row in batch.rows.select("import_line", "order_id").iter_rows()]  # fmt: skip
    return layout, rows


def table(delimiter: str, quote: str = "") -> str:
    return "".join(
        delimiter.join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in (NAMES, ROW)
    )


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^", "~", "\x1f"])
def test_any_usual_delimiter_is_found_quoted_or_not(delimiter: str, quote: str) -> None:
    layout, rows = planned(table(delimiter, quote))
    assert (layout.grammar.delimiter, rows) == (delimiter, [(2, "A1")])


@pytest.mark.parametrize(
    ("above", "delimiter"),
    [("sep=;\n", ";"), ("sep=,\n", ","), ("Orders of March\n\n", ","),
     ("Orders of March,,,\n,,,\n", ","), ("Shop: Rose & Co.\nPrinted 2024-04-01\n\n", "\t")],
)  # fmt: skip
def test_lines_above_the_header_are_skipped_and_told(above: str, delimiter: str) -> None:
    layout, rows = planned(above + table(delimiter))
    line = above.count("\n") + 1
    assert rows == [(line + 1, "A1")]
    [told] = layout.notes["told"]
    assert told["about"] == "lines_above"
    assert f"line {line}" in told["text"]
    assert above.split("\n", maxsplit=1)[0] in told["text"]


def test_rows_above_a_header_are_never_taken_for_titles() -> None:
    rows = "a,b,c,d\n1,2,3,4\n"
    with pytest.raises(RefusedError) as caught:
        planned(rows + table(","))
    assert caught.value.reason == "unknown_columns"


@pytest.mark.parametrize("columns", [10_001, 50_000])
def test_a_header_of_too_many_columns_is_refused_before_it_is_cut(columns: int) -> None:
    with pytest.raises(RefusedError, match=f"{columns:,}") as caught:
        planned(",".join("x" * columns) + "\n")
    assert caught.value.reason == "too_many_columns"


def test_the_bound_on_lines_holds_for_the_header() -> None:
    with pytest.raises(RefusedError) as caught:
        planned(",".join(["column"] * 200_000) + "\n" + "1," * 10)
    assert caught.value.reason == "line_too_long"


@pytest.mark.parametrize(("header", "rows"), [("|", ";"), (";", ","), (",", "\t")])
def test_rows_cut_otherwise_than_the_header_are_told_so(header: str, rows: str) -> None:
    text = header.join(NAMES) + "\n" + (rows.join(ROW) + "\n") * 3
    with pytest.raises(RefusedError, match="one delimiter") as caught:
        planned(text)
    assert caught.value.reason == "other_delimiter"


@pytest.mark.parametrize("amount", ["12,50", "1250,00", "-3,99"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_decimal_commas_between_commas_are_told_so(amount: str, ending: str) -> None:
    row = ",".join([*ROW[:3], amount])
    with pytest.raises(RefusedError, match="semicolons") as caught:
        planned(ending.join([",".join(NAMES), row, row, ""]))
    assert caught.value.reason == "unquoted_decimal_comma"


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_that_end_with_a_delimiter_are_read(delimiter: str, quote: str) -> None:
    header, row = table(delimiter, quote).splitlines()
    _, rows = planned("\n".join([header, row + delimiter, row + delimiter, ""]))
    assert rows == [(2, "A1"), (3, "A1")]


@pytest.mark.parametrize("above", [
    "Order;Order;Customer;Sum", "A;B;C;D", "Bestellung;Bestellung;Kunde;Betrag",
])  # fmt: skip
def test_of_two_lines_of_names_the_one_that_names_all_columns_is_the_header(above: str) -> None:
    text = f"{above}\nBestellnummer;Bestelldatum;Kundennummer;Gesamtbetrag\n1;13.09.2026;K1;20,00\n"
    file = io.BytesIO(text.encode())
    layout = plan(file, "shop.csv", survey(file), Options())
    assert (layout.headers[0], layout.first_line) == ("Bestellnummer", 3)


def test_a_refusal_names_the_columns_below_a_title() -> None:
    text = "Report of the shop\nMain street 7\n\nalpha;beta;gamma\n1;2;3\n4;5;6\n"
    file = io.BytesIO(text.encode())
    with pytest.raises(RefusedError, match="alpha, beta, gamma"):
        plan(file, "shop.csv", survey(file), Options())
