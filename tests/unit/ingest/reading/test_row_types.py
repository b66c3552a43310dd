"""Rows of several types in one file: what is an order, what a refund, and whose."""

import pytest

from ingest.reading.row_types import REASON, told
from tests.unit.ingest.reading.reading import read

HEADER = "Date,Time,Type,Status,Currency,Gross,From Email Address,To Email Address,Transaction ID\n"


def row(kind: str, gross: str, payer: str = "ana@x.test", payee: str = "me@x.test") -> str:
    return f'09/26/2026,10:00:00,{kind},Completed,EUR,"{gross}",{payer},{payee},T1\n'


@pytest.mark.parametrize(
    ("kind", "gross", "customer"),
    [
        ("Website Payment", "5.00", "ana@x.test"),
        (" express checkout PAYMENT ", "5.00", "ana@x.test"),
        ("Donation Received", "5.00", "ana@x.test"),
        ("Payment Refund", "-5.00", "me@x.test"),
        ("Payment Reversal", "(5.00)", "me@x.test"),
        ("Chargeback", "\u22125.00", "me@x.test"),
    ],
)
def test_the_type_tells_whose_a_row_is(kind: str, gross: str, customer: str) -> None:
    found = read(HEADER + row(kind, gross))
    assert found.rows["customer_id"].to_list() == [customer]
    assert found.rejects.is_empty()


@pytest.mark.parametrize(
    ("kind", "gross"),
    [
        ("General Withdrawal", "-5.00"),
        ("Bank Deposit to PP Account", "5.00"),
        ("General Payment", "-5.00"),
        ("Payment Refund", "5.00"),
        ("", "5.00"),
    ],
)
def test_others_are_listed_and_do_not_speak_against_the_file(kind: str, gross: str) -> None:
    found = read(HEADER + row("Website Payment", "5.00") + row(kind, gross))
    assert found.rows.height == 1
    assert found.rejects["reason"].to_list() == [REASON]


def test_it_is_told_how_many_there_are_of_each_type() -> None:
    rows = [row("General Withdrawal", "-5"), row("Account Fee", "-1"), row("Account Fee", "-2")]
    found = read(HEADER + row("Website Payment", "5.00") + "".join(rows))
    [note] = told(found.rejects["message"])
    assert "refund to one: 3 (Account Fee: 2, General Withdrawal: 1)." in note["text"]
    assert told([]) == []
