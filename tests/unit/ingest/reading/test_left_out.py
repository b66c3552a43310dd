"""A customer is not lost to a date of registration that nobody can read."""

import io

import pytest

from ingest.loading.suppressed import without
from ingest.persons import Persons
from ingest.reading.left_out import LeftOutCount
from ingest.reading.reader import Batch, Options, batches, plan
from ingest.reading.survey import survey
from tests.unit.ingest.reading.reading import NOW, read

HEADER = "customer_id,email,created_at\n"


def batch_of(text: str) -> Batch:
    file = io.BytesIO(text.encode())
    [batch] = batches(file, plan(file, "customers.csv", survey(file), Options(now=NOW)))
    return batch


def told(*texts: str) -> list[str]:
    count = LeftOutCount()
    for text in texts:
        count.add(batch_of(text).left_out)
    return [item["text"] for item in count.told()]


@pytest.mark.parametrize(
    "date", ["last spring", "3-Janner-24", "2024-02-30", "0026-09-25", "2206-09-25", "0", "n/a"]
)
def test_a_customer_is_loaded_without_a_date_that_cannot_be_read(date: str) -> None:
    found = read(f"{HEADER}C1,a@example.com,2024-01-10\nC2,b@example.com,{date}\n")
    assert found.rejects.is_empty()
    assert found.rows["customer_id"].to_list() == ["C1", "C2"]
    assert found.rows["created_at"].is_null().to_list() == [False, True]
    assert told(f"{HEADER}C1,,2024-01-10\nC2,,{date}\n") == [
        f"Values of created_at that cannot be read: 1, such as {date!r} in line 3."
        " Their rows are loaded without one."
    ]


def test_the_values_of_all_pieces_are_counted() -> None:
    [text] = told(f"{HEADER}C1,,soon\nC2,,later\n", f"{HEADER}C3,,2024-01-10\nC4,,never\n")
    assert ": 3, such as 'soon' in line 2." in text


@pytest.mark.parametrize("rows", ["C1,,2024-01-10\n", "C1,,\n", ",,soon\nC1,,\n"])
def test_nothing_is_told_of_rows_that_lack_none_or_are_rejected(rows: str) -> None:
    assert told(HEADER + rows) == []


@pytest.mark.parametrize(
    ("row", "values"),
    [("EVA,,soon", []), ("C2,,eva@example.com", []), ("C2,,soon", ["soon"]), ("C2,,", [])],
)
def test_nothing_of_an_erased_person_is_an_example(row: str, values: list[str]) -> None:
    erased = Persons({"EVA", "eva@example.com"}.__contains__)
    kept, _ = without(batch_of(f"{HEADER}{row}\n"), erased)
    assert kept.left_out["value"].to_list() == values


def test_an_order_or_a_rate_is_not_loaded_without_its_date() -> None:
    orders = read("order_id,customer_id,order_date,order_amount\n1,C1,soon,5\n2,C1,2206-01-01,5\n")
    assert orders.rejects["reason"].to_list() == ["not_a_date", "date_in_future"]
    assert read("currency,rate,valid_from\nUSD,0.9,soon\n").rejects.height == 1
