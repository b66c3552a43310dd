"""Rows that are pushed as JSON: which table they are of, and what is refused with its place."""

import json

import pytest

from gateway.imports.json_rows import LARGEST_ROW, Lines, tables_of
from rfm_common.errors import InvalidInputError

ORDER = {"order_id": "O1", "customer_id": "C1", "order_amount": 9.5}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("sent", "tables"),
    [
        ([ORDER], {"": [ORDER]}),
        ({"orders": [ORDER, ORDER]}, {"orders": [ORDER, ORDER]}),
        ({"customers": [{"id": 1}], "orders": [ORDER]},
         {"customers": [{"id": 1}], "orders": [ORDER]}),
        ({"customers": [], "exchange_rates": [{"rate": 2}]}, {"exchange_rates": [{"rate": 2}]}),
        ([{"customer": {"email": "a@b.example"}, "tags": [1]}],
         {"": [{"customer": {"email": "a@b.example"}, "tags": [1]}]}),
    ],
)  # fmt: skip
def test_lists_of_rows_are_found_with_their_names(sent: object, tables: object) -> None:
    assert {name: json.loads(rows) for name, rows in tables_of(body(sent))} == tables


def test_a_mark_of_the_encoding_is_no_row_and_numbers_stay_as_they_are_written() -> None:
    sent = b'\xef\xbb\xbf [{"order_amount": 1.10000000000000000001}]\n'
    assert list(tables_of(sent)) == [("", b'[{"order_amount": 1.10000000000000000001}]')]


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        (b"", "body", "no list of rows"),
        (b"[]", "body", "no row"),
        (b'{"orders": []}', "body", "no row"),
        (b"{}", "body", "no row"),
        (b"7", "body", "no list of rows"),
        (b'[{"a": 1}, 2]', "[1]", "Expected `object`, got `int`"),
        (b'[{"a": 1}, {"b": ]', "body", "malformed"),
        (b'{"orders": [{}, {}, null]}', "orders[2]", "each row is an object"),
        (b'{"orders": {"order_id": 1}}', "orders", "Expected `array`"),
        (b'{"sales": [{"a": 1}]}', "sales", "customers, orders, exchange_rates"),
        (b'{"order_id": "O1"}', "order_id", "there is no such table"),
        (b'[{"a": NaN}]', "body", "malformed"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(sent: bytes, field: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words.replace("[", r"\[")) as refused:
        list(tables_of(sent))
    assert refused.value.context["field"] == field


@pytest.mark.parametrize(
    "sent",
    [
        b'{"orders": [{"order_id": 1}], "orders": [{"order_id": 2}]}',
        b'{"orders": [{"order_id": 1}], "customers": [{"id": 1}], "\\u006frders": []}',
    ],
)
def test_a_table_that_is_named_twice_is_refused_as_one_list_would_be_lost(sent: bytes) -> None:
    with pytest.raises(InvalidInputError, match="orders: named twice") as refused:
        list(tables_of(sent))
    assert refused.value.context["field"] == "orders"


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        list(tables_of(b'[{"name": "\xff"}]'))


def read(sent: bytes) -> None:
    lines = Lines()
    lines.feed(sent)
    lines.end()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_lines_come_in_pieces(size: int) -> None:
    sent, lines = b'\xef\xbb\xbf{"a": 1}\r\n\n{"a": "\xc3\xa9"}\n{"b": {"c": [2]}}', Lines()
    for start in range(0, len(sent), size):
        lines.feed(sent[start : start + size])
    lines.end()
    assert lines.count == 3


@pytest.mark.parametrize(
    ("sent", "place", "words"),
    [
        (b'{"a": 1}\n[1]\n', "line 2", "Expected `object`, got `array`"),
        (b'{"a": 1}\n\n{"a":\n', "line 3", "truncated"),
        (b'{"a": 1}\n{"a": "\xff"}', "line 2", "utf-8"),
        (b'{"a": "' + b"x" * LARGEST_ROW, "line 1", "longer than"),
        (b'{"a":' * 100_000, "line 1", "recursion|truncated|depth"),
        (b"\n \n", "body", "no row"),
    ],
)
def test_a_line_that_is_no_row_is_refused_with_its_number(
    sent: bytes, place: str, words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words) as refused:
        read(sent)
    assert refused.value.context["field"] == place
