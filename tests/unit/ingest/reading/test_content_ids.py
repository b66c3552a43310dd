"""Rows without an order id, or with ids that a spreadsheet has damaged, get ids of their own."""

import pytest

from ingest.refusal import RefusedError
from tests.unit.ingest.reading.reading import read

SCIENTIFIC = """
    order_id,customer_id,order_date,order_amount
    4.50E+12,A,2026-09-01,10.00
    4.50E+12,B,2026-09-02,10.00
    """


@pytest.mark.parametrize("header", ["Date,Customer,Amount", "Datum,Kunde,Betrag",
                                    "customer_id,order_date,total"])  # fmt: skip
def test_a_list_without_order_ids_is_one_of_orders(header: str) -> None:
    row = "C1,2026-09-01,10" if header.startswith("customer") else "2026-09-01,C1,10"
    found = read(f"{header}\n{row}\n")
    assert found.rows.height == 1
    assert len(found.rows["order_id"][0]) == 24
    assert any(note["text"].startswith("each row is an order") for note in found.told)


def test_the_same_row_has_the_same_id_however_it_is_written() -> None:
    first = read("date,customer,amount\n2026-09-01,17850,10\n2026-09-01,C2,10\n")
    again = read("amount;date;customer\n10,00;01.09.2026;17850.0\n")
    assert first.rows["order_id"][0] == again.rows["order_id"][0]
    assert first.rows["order_id"].n_unique() == 2


@pytest.mark.parametrize(
    "header",
    [
        "customer_id,last order date,amount", "till code,date,customer,amount",
        "date,customer,amount,Blatt Nr", "customer,order_date,product,amount",
        "customer,date,quantity,unit_price", "email,payout date,amount", "email,date,plan,amount",
        "order_item_id,customer_id,sku,price", "date,amount", "customer_id,order_date",
    ],
)  # fmt: skip
def test_rows_that_may_be_no_orders_get_no_ids(header: str) -> None:
    with pytest.raises(RefusedError):
        read(f"{header}\n{','.join('1' for _ in header.split(','))}\n")


@pytest.mark.parametrize("written", ["4.50E+12", "4,5E+12", "9e+15"])
def test_ids_in_scientific_notation_are_asked_about(written: str) -> None:
    found = read(SCIENTIFIC.replace("4.50E+12", f'"{written}"'))
    question = found.questions["column.order_id"]
    assert (question.proposal, f"{written!r}" in question.found) == ("refuse", True)


def test_damaged_ids_are_replaced_kept_or_refused_as_answered() -> None:
    found = read(SCIENTIFIC, answers={"column.order_id": "content"})
    assert found.rows["order_id"].n_unique() == 2
    assert not found.questions
    kept = read(SCIENTIFIC, answers={"column.order_id": "as_written"})
    assert kept.rows["order_id"].to_list() == ["4.50E+12"] * 2
    with pytest.raises(RefusedError, match="format the column as text"):
        read(SCIENTIFIC, answers={"column.order_id": "refuse"})


def test_customers_with_damaged_ids_are_asked_about() -> None:
    orders = read("order_id,customer_id,order_date,order_amount\n1,4.5E+12,2026-09-01,1\n")
    customers = read("customer_id,email\n4.5E+12,a@ex.test\n")
    for found in (orders, customers):
        values = [choice.value for choice in found.questions["column.customer_id"].choices]
        assert values == ["refuse", "as_written"]


@pytest.mark.parametrize("fine", ["4500000000000", "E+12", "12E5", "1E-4", "A1E+3"])
def test_other_ids_are_no_damage(fine: str) -> None:
    assert not read(SCIENTIFIC.replace("4.50E+12", fine)).questions
