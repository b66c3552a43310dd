"""Columns that names do not tell: by what their values look like, told or asked."""

import pytest

from ingest.refusal import RefusedError
from rfm_common.models import Kind
from tests.unit.ingest.reading.reading import Read, read


def proposals(of: Read) -> dict[str, str]:
    return {about: question.proposal for about, question in of.questions.items()}


def as_proposed(text: str) -> Read:
    return read(text, answers=proposals(read(text)))


def numbers(of: Read) -> tuple[int, int, float]:
    """Customers, orders and their sum."""
    rows = of.rows
    amounts = sum(map(float, rows["order_amount"]))
    return rows["customer_id"].n_unique(), rows["order_id"].n_unique(), amounts


UNKNOWN = [
    "Col1,Col2,Col3,Col4\nA-1,ann@x.test,2026-09-13,20.50\nA-2,bob@x.test,2026-09-14,10.00\n"
    "A-3,ann@x.test,2026-09-20,5.50\n",
    "Bon;Karte;Wann;Was;Wieviel\n7001;K-11;13.09.2026 10:00;Kaffee;20,50\n"
    "7002;K-12;13.09.2026 10:05;Tee;10,00\n7003;K-11;14.09.2026 10:00;Kuchen;5,50\n",
    "Tilausnumero;Asiakas;Tilausp\u00e4iv\u00e4;Loppusumma\nT-1;A-77;13.9.2026;20,50\n"
    "T-2;A-78;14.9.2026;10,00\nT-3;A-77;20.9.2026;5,50\n",
    "\u0631\u0642\u0645,\u0627\u0644\u0639\u0645\u064a\u0644,"
    "\u062a\u0627\u0631\u064a\u062e,\u0627\u0644\u0645\u0628\u0644\u063a\n"
    "5001,ann@x.test,2026-09-13,20.50\n5002,bob@x.test,2026-09-14,10.00\n"
    "5003,ann@x.test,2026-09-20,5.50\n",
    "ref_a|person|day_of|how_much\n9001|P77|Sep 13, 2026|$20.50\n9002|P78|Sep 14, 2026|$10\n"
    "9003|P77|Sep 15, 2026|$5.50\n",
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_names_that_nobody_knows_are_asked_about_with_the_right_proposal(text: str) -> None:
    asked = proposals(read(text))
    assert "column_of.order_amount" in asked
    assert "column_of.order_date" not in asked, "one column of dates can be read in one way"
    assert numbers(as_proposed(text)) == (2, 3, 36)


def test_a_file_without_a_header_loses_no_row() -> None:
    for text in (
        "1001,C-1,2026-09-13 10:00:00,20.50\n1002,C-2,2026-09-14,10.00\n1003,C-1,2026-09-20,5.50\n",
        '"5001";"ann@x.test";"13.09.2026";"20,50"\n"5002";"bob@x.test";"14.09.2026";"10,00"\n'
        '"5003";"ann@x.test";"20.09.2026";"5,50"\n',
        "2026-09-13\tann@x.test\t20.50\n2026-09-14\tbob@x.test\t10.00\n2026-09-15\tann@x.test\t5.50\n",
    ):
        found = as_proposed(text)
        assert numbers(found) == (2, 3, 36)
        assert found.rows["import_line"].to_list() == [1, 2, 3]
        assert "header" in {note["about"] for note in found.told}


def test_another_choice_is_read_instead() -> None:
    text = "Col1,Col2,Col3,Col4,Col5\nA-1,a@x.test,2026-09-13,20.50,4.50\n"
    text += "A-2,b@x.test,2026-09-14,10,2.00\n"
    question = read(text).questions["column_of.order_amount"]
    assert [choice.value for choice in question.choices] == ["Col4", "Col5"]
    answers = proposals(read(text)) | {"column_of.order_amount": "Col5"}
    assert numbers(read(text, answers=answers))[2] == 6.5
    each_row = proposals(read(text)) | {"column_of.order_id": "*"}
    assert read(text, answers=each_row).layout.mapping.ids_from_content


def test_an_answer_for_another_file_that_does_not_fit_is_asked_again() -> None:
    answers = {"column_of.order_amount": "Col3", "column_of.order_id": "Col1"}
    assert proposals(read(UNKNOWN[0], answers=answers)) == {"column_of.order_amount": "Col4"}


@pytest.mark.parametrize(("header", "row", "told"), [
    ("order_id,customer_id,total,happened", "1,C1,10.00,2026-09-13", "order_date"),
    ("order_id,person,order_date,total", "1,a@x.test,2026-09-13,10.00", "customer_id"),
    ("orderId,customerId,orderTime,invoiceAmount", "1,C1,2026-09-13 10:00,10.00", "order_date"),
])  # fmt: skip
def test_what_can_be_only_one_column_is_read_and_told(header: str, row: str, told: str) -> None:
    found = read(f"{header}\n{row}\n{row.replace('1,', '2,', 1).replace('a@', 'b@')}\n")
    assert not found.questions
    assert f"column.{told}" in {note["about"] for note in found.told}
    assert "a@x.test" not in str(found.told)


def test_people_by_address_are_customers() -> None:
    found = read("Feld1;Feld2;Feld3\nann@x.test;Ann Fox;DE\nbob@x.test;Bob Ray;AT\n")
    assert found.layout.mapping.kind is Kind.CUSTOMERS
    assert found.rows["customer_id"].to_list() == ["ann@x.test", "bob@x.test"]


@pytest.mark.parametrize("text", [
    "sku,title,price,stock,updated\nA1,Widget,10.00,5,2026-09-13\nB2,Gadget,20.00,3,2026-09-14\n",
    "Date,Sessions,Users,Bounce rate,Conversion\n2026-09-13,120,100,45%,2.1\n"
    "2026-09-14,130,110,41%,2.3\n",
    "type,capture_id,sale_date,amount,order_id\nSALE,c1,2026-09-13,125.00,o-1\n"
    "RETURN,c2,2026-09-14,-25.00,o-1\n",
    "Datum,Tid,Kvittonummer,Pris inkl moms,Betalning\n2026-09-13,10:00,101,25.00,Kort\n"
    "2026-09-14,10:05,102,10.00,Kontant\n",
    "alpha;beta;gamma\n1;2;3\n4;5;6\n",
])  # fmt: skip
def test_what_names_no_customer_is_refused_as_before(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read(text)
    assert refused.value.reason in ("missing_column", "unknown_columns")


def test_a_date_without_a_year_is_said_to_be_none() -> None:
    with pytest.raises(RefusedError, match="'Belegdatum' holds values such as '1309'"):
        read("Umsatz;Konto;Belegdatum\n119,00;10001;1309\n23,80;10002;1409\n")


@pytest.mark.parametrize(("text", "column"), [
    ("order_id,customer_id,date,order_amount,created\n1,C,13,10,2026-09-13\n2,D,14,10,2026-09-14\n",
     "order_date"),
    ("order_id,customer_id,date,paid,revenue\n1,C,2026-09-13,yes,10\n2,D,2026-09-14,yes,10\n",
     "order_amount"),
    ("order_id,customer_id,order_date,total,amount\n1,C,2026-09-13,none yet,10\n"
     "2,D,2026-09-14,none yet,10\n", "order_amount"),
])  # fmt: skip
def test_the_next_name_is_read_where_the_values_of_the_best_are_none(
    text: str, column: str
) -> None:
    found = read(text)
    assert numbers(found) == (2, 2, 20)
    assert any(note["about"] == f"column.{column}" and "holds no" in note["text"]
               for note in found.told)  # fmt: skip


def test_a_column_of_days_is_not_one_of_currencies() -> None:
    text = "Belegnummer;Kunde;Datum;Valuta;Betrag\n1;K1;13.09.2026;14.09.2026;10,00\n"
    found = read(text)
    assert found.rows["currency"].to_list() == [""]


@pytest.mark.parametrize(("name", "cell", "amount"), [
    ("amount_cents", "2050", 20.5), ("Total (in cents)", "5", 0.05), ("Betrag in Cent", "-100", -1),
    ("amount_in_pence", "123456789012", 1234567890.12), ("price cents", "", None),
])  # fmt: skip
def test_hundredths_are_divided_and_told(name: str, cell: str, amount: float | None) -> None:
    found = read(
        f"order_id,customer_id,order_date,{name}\n1,C1,2026-09-13,{cell}\n2,C2,2026-09-14,100\n"
    )
    assert [*map(float, found.rows["order_amount"])] == ([amount] if amount is not None else []) + [
        1
    ]
    assert any("divided by 100" in note["text"] for note in found.told)


@pytest.mark.parametrize("header", ["email,wann,wieviel", "E-Mail,Created,Sum up", "email,x,y"])
def test_people_who_come_again_with_dates_and_amounts_are_orders(header: str) -> None:
    text = f"{header}\na@x.test,2026-09-13,20.50\nb@x.test,2026-09-14,10.00\n"
    text += "a@x.test,2026-09-15,5.50\n"
    assert proposals(read(text)) == {"column_of.order_amount": header.split(",")[2]}
    assert numbers(as_proposed(text)) == (2, 3, 36)


@pytest.mark.parametrize("text", [
    "email,registered,total_spent\na@x.test,2026-09-13,20.50\na@x.test,2026-09-14,10.00\n",
    "email,created,score\na@x.test,2026-09-13,20.50\nb@x.test,2026-09-14,10.00\n",
    "customer_id,email,created_at\nC1,a@x.test,2026-09-13\nC1,b@x.test,2026-09-14\n",
])  # fmt: skip
def test_other_people_stay_people(text: str) -> None:
    assert read(text).layout.mapping.kind is Kind.CUSTOMERS


def of_one_address(rows: int) -> str:
    lines = [f"t{n},shop@x.test,2026-09-{n + 1:02},10.00" for n in range(rows)]
    return "\n".join(["transaction_id,email,date,amount", *lines])


def test_an_address_in_all_rows_may_be_the_shops_own() -> None:
    assert not read(of_one_address(9)).questions
    report = of_one_address(2).replace("amount", "amount,payout").replace("10.00", "10.00,9.80")
    assert proposals(read(report)) == {"column_of.customer_id": "-"}
    text = of_one_address(12)
    assert proposals(read(text)) == {"column_of.customer_id": "-"}
    with pytest.raises(RefusedError, match="the shop's own address"):
        as_proposed(text)
    assert numbers(read(text, answers={"column_of.customer_id": "email"})) == (1, 12, 120)


@pytest.mark.parametrize("order", ["N{}", "NOH{}", "A-{}", "INVOICE{}", "R-{}"])
def test_a_file_without_a_header_may_be_of_one_customer(order: str) -> None:
    text = "".join(f"{order.format(n)},NOHC,2026-09-0{n},10.00\n" for n in range(1, 4))
    assert proposals(read(text)) == {
        "column_of.order_id": "column 1", "column_of.customer_id": "column 2",
        "column_of.order_amount": "column 4",
    }  # fmt: skip
    assert numbers(as_proposed(text)) == (1, 3, 30)


def test_statuses_and_currencies_are_told_by_their_values_too() -> None:
    text = "1,C1,2026-09-13,10.50,EUR,paid\n2,C2,2026-09-14,5.00,EUR,cancelled\n"
    found = as_proposed(text)
    assert found.rows["status"].to_list() == ["completed", "cancelled"]
    assert found.rows["currency"].to_list() == ["EUR", "EUR"]
    assert {"column.status", "column.currency"} <= {note["about"] for note in found.told}


def test_people_with_ids_and_addresses_are_asked_about() -> None:
    text = "Feld1;Feld2;Feld3\nK-1;ann@x.test;DE\nK-2;bob@x.test;AT\n"
    assert proposals(read(text)) == {"column_of.customer_id": "Feld1"}
    assert as_proposed(text).rows["customer_id"].to_list() == ["K-1", "K-2"]
    found = read(text, answers={"column_of.customer_id": "Feld2"})
    assert found.rows["customer_id"].to_list() == ["ann@x.test", "bob@x.test"]
