"""Customers who are known by their names or telephone numbers, where a file has nothing else."""

import pytest

from tests.unit.ingest.reading.reading import read


@pytest.mark.parametrize(("header", "comma"), [
    ("Order Number,First Name,Last Name,Order Date,Total", ","),
    ("Bestellnummer;Vorname;Nachname;Datum;Betrag", ";"),
    ("Num\u00e9ro de commande;Pr\u00e9nom;Nom;Date;Montant", ";"),
    ("Numer zam\u00f3wienia;Imi\u0119;Nazwisko;Data;Kwota", ";"),
    ("order_id,billing_first_name,billing_last_name,order_date,order_total", ","),
])  # fmt: skip
def test_first_and_last_names_together_are_a_customer(header: str, comma: str) -> None:
    rows = ["1,Ann,Fox,2026-09-13,20", "2,Bob,Fox,2026-09-14,10", "3, Ann , Fox ,2026-09-15,5",
            "4,,,2026-09-16,5", "5,Cher,,2026-09-16,5"]  # fmt: skip
    found = read("\n".join([header, *(row.replace(",", comma) for row in rows)]))
    assert found.rows["customer_id"].to_list() == ["Ann Fox", "Bob Fox", "Ann Fox", "Cher"]
    assert found.rejects["reason"].to_list() == ["no_customer"]
    assert "known by their name" in " ".join(note["text"] for note in found.told)
    assert not set(header.split(comma)[1:3]) & set(found.layout.notes["ignored_columns"])


@pytest.mark.parametrize(("header", "customer"), [
    ("order_no,phone,order_date,total", "+49 170 111"),
    ("Bestellnummer,Telefonnummer,Datum,Betrag", "+49 170 111"),
    ("Order,Mobile,Date,Total", "+49 170 111"),
])  # fmt: skip
def test_a_telephone_number_is_a_customer_where_there_is_nothing_else(
    header: str, customer: str
) -> None:
    found = read(f"{header}\n1,+49 170 111,2026-09-13,20\n2,+49 170 111,2026-09-14,20\n")
    assert found.rows["customer_id"].to_list() == [customer] * 2
    assert "telephone number" in " ".join(note["text"] for note in found.told)


@pytest.mark.parametrize(("header", "index"), [
    ("order_id,First Name,Last Name,Email,Phone,order_date,total", 3),
    ("order_id,First Name,Last Name,customer_id,Phone,order_date,total", 3),
    ("order_id,First Name,Last Name,Customer Name,Phone,order_date,total", 3),
])  # fmt: skip
def test_what_tells_more_goes_before(header: str, index: int) -> None:
    row = "1,Ann,Fox,a@x.test,+49 170 111,2026-09-13,20"
    assert read(f"{header}\n{row}\n").layout.mapping.columns["customer_id"] == index


def test_names_alone_are_no_customers_file() -> None:
    found = read("First Name,Last Name,Email\nAnn,Fox,a@x.test\n")
    assert found.rows["customer_id"].to_list() == ["a@x.test"]
