"""Columns beside the status: yes or no, a second status, and a type that says refund."""

import pytest

from tests.unit.ingest.reading.reading import Read, read

HEAD = "order_id,customer_id,order_date,order_amount"


def orders(of: Read) -> list[tuple[float, str]]:
    return [(float(amount), status)
            for amount, status in of.rows.select("order_amount", "status").iter_rows()]  # fmt: skip


def file(column: str, *words: str) -> Read:
    rows = [f"{n},C{n},2026-03-0{n},10,{word}" for n, word in enumerate(words, 1)]
    return read("\n".join([f"{HEAD},{column}", *rows]))


@pytest.mark.parametrize(("column", "words", "statuses"), [
    ("paid", ("yes", "no", ""), ["completed", "pending", "completed"]),
    ("Bezahlt", ("Ja", "Nein", "Ja"), ["completed", "pending", "completed"]),
    ("is_paid", ("1", "0", "1"), ["completed", "pending", "completed"]),
    ("Canceled", ("FALSE", "TRUE", ""), ["completed", "cancelled", "completed"]),
    ("Storniert", ("", "x", ""), ["completed", "cancelled", "completed"]),
    ("Annul\u00e9e", ("non", "oui", "non"), ["completed", "cancelled", "completed"]),
    ("refunded", ("false", "true", "false"), ["completed", "refunded", "completed"]),
    ("Test", ("No", "Yes", "No"), ["completed", "cancelled", "completed"]),
    ("livemode", ("true", "false", "true"), ["completed", "cancelled", "completed"]),
    ("Testbestellung", ("nein", "ja", ""), ["completed", "cancelled", "completed"]),
])  # fmt: skip
def test_yes_and_no_take_orders_out_of_the_count(
    column: str, words: tuple[str, ...], statuses: list[str]
) -> None:
    found = file(column, *words)
    assert [status for _, status in orders(found)] == statuses
    assert any(repr(column) in note["text"] for note in found.told)
    assert column not in found.layout.notes["ignored_columns"]


def test_a_status_tells_more_than_whether_an_order_is_paid() -> None:
    found = read(f"{HEAD},status,paid\n1,C1,2026-03-01,10,completed,no\n")
    assert orders(found) == [(10, "completed")]


def test_zeros_in_a_column_of_refunds_are_amounts() -> None:
    found = file("refunded", "0", "0", "4")
    assert orders(found) == [(10, "completed"), (10, "completed"), (6, "completed")]


@pytest.mark.parametrize(("first", "second", "status"), [
    ("closed", "refunded", "refunded"), ("complete", "voided", "cancelled"),
    ("shipped", "pending", "completed"), ("cancelled", "refunded", "cancelled"),
])  # fmt: skip
def test_a_second_status_may_say_cancelled_or_refunded(
    first: str, second: str, status: str
) -> None:
    found = read(f"{HEAD},payment_status,order_status\n1,C1,2026-03-01,10,{second},{first}\n")
    assert orders(found) == [(10, status)]


@pytest.mark.parametrize(("column", "words"), [
    ("type", ("Order", "Refund", "Order")), ("Transaction Type", ("Sale", "Return", "Sale")),
    ("Belegart", ("Rechnung", "Gutschrift", "Rechnung")),
    ("Type de document", ("Facture", "Avoir", "Facture")),
    ("Typ dokumentu", ("Faktura", "Faktura koryguj\u0105ca", "Faktura")),
])  # fmt: skip
def test_a_type_may_say_that_a_row_is_a_refund(column: str, words: tuple[str, ...]) -> None:
    found = file(column, *words)
    assert orders(found) == [(10, "completed"), (-10, "completed"), (10, "completed")]
    assert any("refund" in note["text"] for note in found.told)


def test_a_refund_that_has_a_minus_keeps_it() -> None:
    found = read(f"{HEAD},type\n1,C1,2026-03-01,10,Sale\n2,C1,2026-03-02,-10,Refund\n")
    assert [amount for amount, _ in orders(found)] == [10, -10]


@pytest.mark.parametrize("words", [("TRUE", "FALSE"), ("yes", "no"), ("Ja", "Nein")])
def test_a_status_of_yes_and_no_is_asked_about_with_what_they_say(words: tuple[str, str]) -> None:
    asked = file("status", *words).questions
    assert [asked[f"status.{word.lower()}"].proposal for word in words] == ["completed", "pending"]
