"""What a person sees before deciding, as they would read it: days of the shop, amounts, totals."""

import io
from typing import Any

import pytest

from ingest.reading.containers.source import opened_source
from ingest.reading.preview import Subject, build
from ingest.reading.reader import Options
from tests.unit.ingest.reading.reading import NOW


def preview(content: str, zone: str = "UTC") -> list[dict[str, Any]]:
    """The ways to read a small file."""
    options = Options(zone=zone, now=NOW)
    with opened_source(io.BytesIO(content.encode()), options) as source:
        planned = source.planned("file.csv", options)
        subject = Subject(source=source, name="file.csv", planned=planned, options=options)
        ways: list[dict[str, Any]] = build(subject, planned.layout.questions)["ways"]
    return ways


HEADER = "Bestellnummer;Kundennummer;Bestelldatum;Gesamtbetrag;Status\n"
GERMAN = (
    HEADER
    + """\
1;K1;31.12.2025;1.250,50;Bezahlt
2;K2;01.12.2025;80;Kommission
3;K1;02.12.2025;19,9;Bezahlt
"""
)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_days_are_those_of_the_shop(zone: str) -> None:
    way = preview(GERMAN, zone)[0]
    assert [row["cells"]["order_date"] for row in way["rows"]] == [
        "2025-12-31", "2025-12-01", "2025-12-02"]  # fmt: skip
    assert (way["numbers"]["first_day"], way["numbers"]["last_day"]) == ("2025-12-01", "2025-12-31")


@pytest.mark.parametrize(("written", "shown"), [
    ("10:30", "2025-12-31 10:30:00"), ("23:59:59", "2025-12-31 23:59:59"), ("0:00", "2025-12-31"),
])  # fmt: skip
def test_a_time_is_that_of_the_shop(written: str, shown: str) -> None:
    rows = f"1;K1;31.12.2025 {written};5,00;Odd\n2;K1;01.12.2025 10:00;5,00;paid\n"
    way = preview(HEADER + rows, "Europe/Berlin")[0]
    assert way["rows"][0]["cells"]["order_date"] == shown


def test_amounts_have_two_decimals_or_all_that_they_need() -> None:
    way = preview(GERMAN.replace("80;", "80,1255;"))[0]
    cells = [row["cells"]["order_amount"] for row in way["rows"]]
    assert cells == ["1250.50", "80.1255", "19.90"]


@pytest.mark.parametrize("line", ["Summe;;;1.350,40;", "Total;;;1.350,40;", ";;;;",
                                  "Bestellnummer;Kundennummer;Bestelldatum;Gesamtbetrag;Status",
                                  "3 records;;;;"])  # fmt: skip
def test_what_is_no_row_is_no_problem(line: str) -> None:
    way = preview(GERMAN + f"{line}\n")[0]
    assert (way["numbers"]["rows"], way["numbers"]["rows_rejected"], way["problems"]) == (3, 0, [])
    assert way["numbers"]["amounts"] == {"": "1270.4"}


def test_other_rows_with_a_problem_are_counted() -> None:
    way = preview(GERMAN + "4;;02.12.2025;5,00;Bezahlt\n5;K;31.31.2025;5,00;Bezahlt\n")[0]
    assert (way["numbers"]["rows"], way["numbers"]["rows_rejected"]) == (5, 2)
    assert [(found["column_name"], found["first_line"]) for found in way["problems"]] == [
        ("customer_id", 5), ("order_date", 6)]  # fmt: skip
