"""JSON and Parquet: records below a header of all their names."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from ingest.refusal import RefusedError
from tests.unit.ingest.reading.containers.reading import HEADER, read

ORDERS = [
    {"order_id": "O1", "customer_id": 7, "order_date": "2024-01-10", "order_amount": 5.10},
    {"order_id": "O2", "customer_id": 8, "order_date": "2024-01-11T10:00:00Z",
     "order_amount": None},
    {"order_id": "O3", "customer_id": 9, "order_date": "2024-01-12", "order_amount": 12,
     "status": "paid"},
]  # fmt: skip
LINES = "\n".join(json.dumps(order) for order in ORDERS)


def refused(content: bytes) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        read(content)
    return caught.value.reason, caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        LINES, LINES + "\n", LINES.replace("\n", "\r\n\r\n"), "\ufeff" + LINES,
        json.dumps(ORDERS), json.dumps(ORDERS, indent=2), "\n\n" + json.dumps(ORDERS),
        json.dumps({"orders": ORDERS, "next": None}, indent=1),
    ],
)  # fmt: skip
def test_lines_arrays_and_wrapped_arrays(content: str) -> None:
    found = read(content.encode())
    assert found.text.splitlines() == [
        "order_id,customer_id,order_date,order_amount,status", "O1,7,2024-01-10,5.1,",
        "O2,8,2024-01-11T10:00:00Z,,", "O3,9,2024-01-12,12,paid",
    ]  # fmt: skip
    assert found.ids == ["O1", "O3"]
    assert found.rejects["line"].to_list() == [3]
    assert "Read as JSON: record N is line N + 1." in found.sentences


def test_numbers_are_as_they_are_written() -> None:
    text = LINES.replace("5.1", "5.10").replace(
        '"customer_id": 7', '"customer_id": 12345678901234567890'
    )
    assert read(text.encode()).text.splitlines()[1] == "O1,12345678901234567890,2024-01-10,5.10,"


def test_objects_within_are_named_after_both_and_what_is_deeper_stays_json() -> None:
    order = {"order_id": "O1", "customer": {"id": "C1", "tags": ["a"]}, "customer_id": "C1",
             "order_date": "2024-01-10", "order_amount": 5, "items": [{"sku": 1}],
             "gift": True}  # fmt: skip
    header, row = read(json.dumps([order]).encode()).text.splitlines()
    assert header == (
        "order_id,customer.id,customer.tags,customer_id,order_date,order_amount,items,gift"
    )
    assert row == 'O1,C1,"[""a""]",C1,2024-01-10,5,"[{""sku"": ""1""}]",true'


def test_records_longer_than_a_piece() -> None:
    orders = [{**ORDERS[0], "order_id": f"O{n}", "note": "x" * 700_000} for n in range(3)]
    text = json.dumps(orders)
    assert read(text.encode()).ids == ["O0", "O1", "O2"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"a": 1}, 2]', "json"), ("[[1, 2], [3, 4]]", "json"), ("[]", "empty_file"),
        ("{}", "empty_file"), ('{"a": 1}\n{"a": ', "damaged"), ('[{"a": 1},', "damaged"),
        ('[{"a": 1}', "damaged"), ('{"a": 1}\n{a: 2}', "damaged"),
        ('{"a": 1}\n{"a": "\udcff"}', "damaged"), ('[{"a": ' + "[" * 100_000, "damaged"),
    ],
)  # fmt: skip
def test_other_json_is_refused(content: str, reason: str) -> None:
    found, message = refused(content.encode("utf-8", "surrogateescape"))
    assert (found, "JSON" in message) == (reason, True)


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def test_parquet() -> None:
    frame = pl.DataFrame({
        "order_id": [1, 2], "customer_id": [17850.0, None],
        "order_date": [datetime(2024, 1, 10, 12, tzinfo=UTC), datetime(2024, 1, 11, tzinfo=UTC)],
        "order_amount": [Decimal("5.10"), Decimal("7.00")],
        "address": [{"country": "DE", "since": date(2020, 1, 1)}] * 2, "tags": [["a"], []],
    })  # fmt: skip
    found = read(parquet(frame))
    assert found.text.splitlines() == [
        "order_id,customer_id,order_date,order_amount,address.country,address.since,tags",
        '1,17850,2024-01-10 12:00:00+00:00,5.10,DE,2020-01-01,"[""a""]"',
        "2,,2024-01-11 00:00:00+00:00,7.00,DE,2020-01-01,[]",
    ]
    assert found.ids == ["1"]


def test_parquet_of_many_rows_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 120_000
    frame = pl.DataFrame({
        "order_id": range(count), "customer_id": ["C"] * count,
        "order_date": [date(2024, 1, 10)] * count, "order_amount": [1.5] * count,
    })  # fmt: skip
    assert read(parquet(frame)).rows.height == count


@pytest.mark.parametrize("keep", [0.2, 0.7, 0.98])
def test_half_a_parquet_file_is_damaged(keep: float) -> None:
    content = parquet(pl.DataFrame({name: ["x"] * 1000 for name in HEADER}))
    assert refused(content[: int(len(content) * keep)])[0] == "damaged"
