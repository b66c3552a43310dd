"""The address that a file of orders gives beside the id of a customer."""

import polars as pl
import pytest

from ingest.loading.joining import said_by
from ingest.reading.mapping import CUSTOMER_EMAIL
from tests.unit.ingest.reading.reading import read

BOTH = """
    order_id,customer_id,email,order_date,order_amount
    1,912, Anna@Ex.test ,2026-01-02,10
    2,912,mailto:anna@ex.test,2026-01-03,20
    3,913,none,2026-01-04,30
    4,914,,2026-01-04,30
    5,cy@ex.test,dee@ex.test,2026-01-04,30
    6,912,other@ex.test,2026-01-04,30
    """


def test_it_is_spelt_as_ids_are_and_costs_no_row() -> None:
    found = read(BOTH)
    assert found.rejects.is_empty()
    assert found.rows[CUSTOMER_EMAIL].to_list() == [
        "anna@ex.test", "anna@ex.test", None, None, "dee@ex.test", "other@ex.test",
    ]  # fmt: skip
    assert found.layout.notes["ignored_columns"] == []
    assert said_by(found.rows).sort("email").rows() == [
        ("anna@ex.test", "912"), ("other@ex.test", "912")]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "has_one"),
    [
        ("Bestellnummer;Kundennummer;E-Mail;Bestelldatum;Betrag", True),
        ("Order Number,Customer ID,Billing Email,Order Date,Total", True),
        ("Order,Email,Date,Total", False),
        ("order_id,customer_id,email,email,order_date,order_amount", False),
        ("order_id,customer_id,order_date,order_amount", False),
        ("customer_id,email,country", False),
    ],
)
def test_the_column_is_found_by_its_name(header: str, has_one: bool) -> None:
    mark = ";" if ";" in header else ","
    cells = {"date": "2026-01-02", "datum": "2026-01-02", "total": "5", "amount": "5",
             "betrag": "5"}  # fmt: skip
    row = mark.join(
        next((cell for word, cell in cells.items() if word in name.lower()), "7")
        for name in header.split(mark)
    )
    mapping = read(f"{header}\n{row}\n").layout.mapping
    assert (CUSTOMER_EMAIL in mapping.columns) is has_one


def test_an_id_that_is_empty_says_nothing() -> None:
    rows = pl.DataFrame({"customer_id": ["", "7"], CUSTOMER_EMAIL: ["a@x.de", "b@x.de"]})
    assert said_by(rows).rows() == [("b@x.de", "7")]
