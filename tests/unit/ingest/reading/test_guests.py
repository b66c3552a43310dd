"""Rows of nobody: blank, what programs write for nothing, words for a guest, and 0."""

import io
from datetime import UTC, datetime

import pytest

from ingest.reading.reader import Options, batches, plan
from ingest.reading.survey import survey


def read(ids: list[str], header: str = "customer_id") -> tuple[list[str], list[str]]:
    """The customers that were read, and the reasons of the rows that were not."""
    text = f"order_id,{header},order_date,order_amount\n"
    text += "".join(f"O{n},{one},2025-03-01,5\n" for n, one in enumerate(ids))
    file = io.BytesIO(text.encode())
    options = Options(now=datetime(2026, 1, 1, tzinfo=UTC))
    [batch] = batches(file, plan(file, "shop.csv", survey(file), options))
    return batch.rows["customer_id"].to_list(), batch.rejects["reason"].to_list()


@pytest.mark.parametrize("nobody", [
    "", "  ", "NULL", "null", "Null", "nan", "NaN", "None", "N/A", "#N/A", "n/a", "-", "guest",
    "Guest", "GUEST", "Guest Checkout", "Gast", "Invité", "ゲスト", "Walk-in", "WALK-IN",
    "Walk-in Customer", "Laufkundschaft", "Consumidor Final", "散客",
])  # fmt: skip
def test_no_customer_is_none_of_that_name(nobody: str) -> None:
    assert read(["C1", nobody, "C2"]) == (["C1", "C2"], ["no_customer"])


@pytest.mark.parametrize("somebody", [
    "Nan Goldin", "guest-17", "-1", "nullius", "Gastón", "Walk-in Closets Ltd",
])  # fmt: skip
def test_a_name_that_only_begins_so_is_a_customer(somebody: str) -> None:
    assert read(["C1", somebody]) == (["C1", somebody], [])


@pytest.mark.parametrize(("ids", "guests"), [
    (["0", "1041", "1042"], 1), (["0.0", "1041.0", "1042.0"], 1),
    (["0", "0", "0", "C7", "C7"], 3), ([*"00000", "1", "2", "2"], 5),
    ([*"0123456789"], 0), (["0", "0", "1", "2", "3"], 0), (["0", "0"], 0),
])  # fmt: skip
def test_customer_0_is_a_guest_where_that_is_plain(ids: list[str], guests: int) -> None:
    assert read(ids)[1] == ["no_customer"] * guests


def test_a_customers_name_may_be_guest() -> None:
    assert read(["Ada", "Guest"], "customer_name") == (["Ada"], ["no_customer"])
