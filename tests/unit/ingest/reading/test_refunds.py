"""How much of an order was paid back: taken off, or the whole order is refunded."""

import io
from datetime import UTC, datetime

import polars as pl
import pytest

from ingest.reading.mapping import read_rules
from ingest.reading.reader import Layout, Options, batches, plan
from ingest.reading.refunds import kept
from ingest.reading.survey import survey

SHOPIFY = "Name,Email,Financial Status,Currency,Total,Created at,Refunded Amount\n"


def planned(text: str, **options: object) -> tuple[io.BytesIO, Layout]:
    file = io.BytesIO(text.encode())
    options = {"now": datetime(2027, 1, 1, tzinfo=UTC), **options}
    return file, plan(file, "shop.csv", survey(file), Options(**options))


def read(text: str, **options: object) -> list[tuple[float, str]]:
    file, layout = planned(text, **options)
    [batch] = batches(file, layout)
    return [(float(amount), status) for amount, status
            in batch.rows.select("order_amount", "status").iter_rows()]  # fmt: skip


@pytest.mark.parametrize(("amount", "refund", "left", "whole"), [
    ("20.00", "4.00", 16, False), ("20", "-4", 16, False), ("20", "", 20, False),
    ("20", "0", 20, False), ("20.00", "20", 20, True), ("20", "25", 20, True),
    ("99999999999999.9999", "0.0001", 99999999999999.9998, False),
    ("-5", "5", -5, False), ("0", "0", 0, False),
])  # fmt: skip
def test_what_is_kept(amount: str, refund: str, left: float, whole: bool) -> None:
    amounts, refunded = kept(pl.Series([amount]), pl.Series([refund or None], dtype=pl.String))
    assert (float(amounts[0]), refunded[0]) == (left, whole)


@pytest.mark.parametrize("text", [
    SHOPIFY + "#1,a@ex.test,partially_refunded,USD,20.00,2026-01-02,4.00\n"
              "#2,a@ex.test,paid,USD,20.00,2026-01-02,20.00\n"
              "#3,a@ex.test,paid,USD,20.00,2026-01-02,0.00\n",
    "order_id,customer_id,order_date,order_total,refund_amount\n"
    "1,C,2026-01-02,20,4\n2,C,2026-01-02,20,20\n3,C,2026-01-02,20,\n",
    "Bestellnummer;Kundennummer;Bestelldatum;Gesamtbetrag;Erstattungsbetrag\n"
    "1;C;02.01.2026;20,00;4,00\n2;C;02.01.2026;20,00;20,00\n3;C;02.01.2026;20,00;\n",
])  # fmt: skip
def test_a_column_of_refunds_is_taken_off_and_that_is_told(text: str) -> None:
    assert read(text) == [(16, "completed"), (20, "refunded"), (20, "completed")]
    notes = planned(text)[1].notes
    assert [item["about"] for item in notes["told"]][-1] == "refunded"
    assert not any("efund" in name or "rstatt" in name for name in notes["ignored_columns"])


@pytest.mark.parametrize("words", [("in full", "no"), ("unknown", "later")])
def test_a_column_of_words_is_no_amount(words: tuple[str, str]) -> None:
    text = "order_id,customer_id,order_date,order_total,refunded\n"
    text += "".join(f"{n},C,2026-01-02,20,{word}\n" for n, word in enumerate(words))
    assert read(text) == [(20, "completed")] * 2
    assert "no amounts" in planned(text)[1].notes["told"][-1]["text"]


@pytest.mark.parametrize(("answer", "amount"), [("subtract", 16), ("included", 20)])
def test_a_net_amount_may_be_without_refunds_already(answer: str, amount: int) -> None:
    text = "order_id,customer_id,order_date,net_total,refunded_amount\n1,C,2026-01-02,20,4\n"
    [question] = planned(text)[1].questions
    assert (question.about, question.proposal) == ("refunded", "included")
    assert read(text, answers={"refunded": answer}) == [(amount, "completed")]


def test_a_mapping_toml_may_name_the_column() -> None:
    rules = read_rules("""
        [[file]]
        name = "shop.csv"
        kind = "orders"
        [file.columns]
        order_id = "a"
        customer_id = "b"
        order_date = "c"
        order_amount = "d"
        refunded = "e"
        """)
    assert read("a,b,c,d,e\n1,C,2026-01-02,20,4\n", rules=rules) == [(16, "completed")]


@pytest.mark.parametrize(("header", "nothing"), [
    ("Cancelled at", ""), ("Canceled Date", "NULL"), ("Stornodatum", "0000-00-00 00:00:00"),
])  # fmt: skip
def test_a_date_of_cancellation_cancels(header: str, nothing: str) -> None:
    text = f"order_id,customer_id,order_date,order_total,status,{header}\n"
    text += f"1,C,2026-01-02,20,paid,2026-01-03 10:00\n2,C,2026-01-02,20,paid,{nothing}\n"
    text += "3,C,2026-01-02,20,refunded,2026-01-03 10:00\n"
    assert [status for _, status in read(text)] == ["cancelled", "completed", "refunded"]
    assert "is cancelled" in planned(text)[1].notes["told"][-1]["text"]
