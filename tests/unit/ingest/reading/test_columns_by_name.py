"""Which column is which, told by names: languages, spellings, rivals, and what is missing."""

from pathlib import Path

import pytest

from ingest.reading.exports import EXPORTS
from ingest.reading.mapping import Mapping, find_mapping, read_rules
from ingest.refusal import RefusedError
from rfm_common.models import Kind


def found(header: str, delimiter: str = ",") -> Mapping:
    return find_mapping(header.split(delimiter), "file.csv", ())


@pytest.mark.parametrize("header", [
    "Order No.,Client Number,Purchased on,Order Value",
    "orderNumber,customerNo,orderedAt,grandTotal",
    "Invoice.No,Customer.ID,Invoice.Date,Sales",
    "Txn ID,Cust ID,Transaction\nDate,Transaction Amount (USD)",
    "Auftragsnummer,Kunden-Nr.,Auftragsdatum,Rechnungsbetrag",
    "N° commande,Code client,Date d'achat,Total TTC",
    "Nº pedido,Código de cliente,Fecha de compra,Importe",
    "Numero ordine,Codice cliente,Data ordine,Totale",
    "Nº do pedido,Código do cliente,Data da compra,Valor total",
    "Ordernummer,Klantnummer,Besteldatum,Totaalbedrag",
    "Nr zamówienia,Nr klienta,Data zakupu,Kwota",
    "Číslo objednávky,Číslo zákazníka,Datum objednávky,Celkem",
    "Ordernr,Kundnr,Orderdatum,Belopp",
    "Sipariş no,Müşteri no,Sipariş tarihi,Toplam tutar",
    "№ заказа,ID клиента,Дата заказа,Сумма",
    "受注番号,会員番号,受注日,請求金額",
    "订单编号,会员ID,下单时间,实付金额",
])  # fmt: skip
def test_orders_are_known_by_the_names_of_their_columns(header: str) -> None:
    mapping = found(header)
    assert mapping.kind is Kind.ORDERS
    assert mapping.columns == {
        "order_id": 0, "customer_id": 1, "order_date": 2, "order_amount": 3}  # fmt: skip


@pytest.mark.parametrize(("header", "ours", "index"), [
    ("id,order_number,customer_id,created_at,total", "order_id", 1),
    ("id,invoice_no,client_id,date,amount", "order_id", 1),
    ("order_id,customer_id,order_date,amount,tax,total", "order_amount", 5),
    ("order_id,customer_id,order_date,subtotal,shipping,order total", "order_amount", 5),
    ("order_id,customer_id,created_at,order_date,total", "order_date", 3),
    ("order_id,email,user id,order_date,total", "customer_id", 2),
])  # fmt: skip
def test_of_two_candidates_the_better_name_is_read_and_told(
    header: str, ours: str, index: int
) -> None:
    mapping = found(header)
    assert mapping.columns[ours] == index
    if header.split(",")[index] != ours and ours != "customer_id":
        assert f"column.{ours}" in {item["about"] for item in mapping.told}


@pytest.mark.parametrize(
    "header",
    [
        "Order Number,Customer Email,Order Date,Total",
        "Bestellnummer,E-Mail,Datum,Summe",
        "Order ID,Customer Name,Order Date,Total",
    ],
)
def test_orders_without_a_customer_id_know_them_by_address_or_name(header: str) -> None:
    mapping = found(header)
    assert mapping.columns["customer_id"] == 1
    assert mapping.told[-1]["about"] == "column.customer_id"


@pytest.mark.parametrize(
    "header",
    [
        "Email Address,First Name,Last Name,Country",
        "E-Mail-Adresse,Land,Registriert am",
        "email,created_at",
    ],
)
def test_customers_without_an_id_are_known_by_their_address(header: str) -> None:
    mapping = found(header)
    assert mapping.kind is Kind.CUSTOMERS
    assert mapping.columns["customer_id"] == mapping.columns["email"] == 0


@pytest.mark.parametrize(
    "header",
    [
        "TransactionID,CustomerID,CustomerDOB,CustAccountBalance,Merchant",
        "sale_id,customer_id,sku",
        "customer_id,purchase_date,product",
    ],
)
def test_a_file_of_orders_is_never_taken_for_customers(header: str) -> None:
    with pytest.raises(RefusedError, match="the columns are") as caught:
        found(header)
    assert caught.value.reason == "missing_column"


@pytest.mark.parametrize(
    "header",
    [
        "order_id,customer_id,order_date,quantity,unit_price",
        "Receipt No,Client,Date,Qty,Price",
        "Bestellnummer,Kunde,Datum,Menge,Einzelpreis",
    ],
)
def test_quantity_times_price_is_the_amount_where_there_is_none(header: str) -> None:
    mapping = found(header)
    assert (mapping.product, mapping.line_items) == ((3, 4), True)
    assert "order_amount" not in mapping.columns


def test_an_amazon_item_price_is_of_the_line_whatever_the_quantity() -> None:
    mapping = found(
        "order-id,order-item-id,purchase-date,buyer-email,quantity-purchased,item-price"
    )
    assert (mapping.product, mapping.columns["order_amount"], mapping.line_items) == (None, 5, True)


def test_an_olist_customer_is_the_person() -> None:
    mapping = found(
        "order_id,customer_id,customer_unique_id,order_purchase_timestamp,payment_value"
    )
    assert (mapping.source, mapping.columns["customer_id"]) == ("Olist", 2)


def test_every_known_export_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[4] / "docs/files.md").read_text()
    assert [export.name for export in EXPORTS if export.name not in manual] == []


def test_a_name_that_comes_twice_matters_only_where_it_is_read() -> None:
    own = "order_id,customer_id,order_date,order_amount"
    assert found(f"{own},Note,Note").columns["order_amount"] == 3
    with pytest.raises(RefusedError, match="order_date"):
        found(f"{own},Order Date")


RULE = '\ufeff[[file]]\r\nname = "till-*.csv"\r\nkind = "orders"\r\ncolumns = {{{0}}}\r\n'
COLUMNS = 'order_id = "Receipt", customer_id = "Card", order_date = "Day", order_amount = "Gross"'


def test_a_rule_may_have_a_mark_and_crlf_and_fits_names_in_any_case() -> None:
    rules = read_rules(RULE.format(COLUMNS))
    mapping = find_mapping(["Receipt", "Card", "Day", "Gross"], "TILL-1.CSV", rules)
    assert mapping.source == "mapping.toml"


@pytest.mark.parametrize("header", ["Receipt No", "receipt_nr", "Receipts"])
def test_a_rule_that_names_no_column_says_which_and_the_nearest(header: str) -> None:
    with pytest.raises(RefusedError, match=f"'receipt'.*did you mean '{header}'"):
        find_mapping(
            [header, "Card", "Day", "Gross"], "till-1.csv", read_rules(RULE.format(COLUMNS))
        )


@pytest.mark.parametrize(("amount", "code"), [
    ("Transaction Amount (INR)", "INR"), ("Total (€)", "EUR"), ("amount_usd", "USD"),
    ("Order Total in CHF", "CHF"), ("Total", None),
])  # fmt: skip
def test_the_amounts_name_tells_the_currency(amount: str, code: str | None) -> None:
    assert found(f"order_id,customer_id,order_date,{amount}").constants.get("currency") == code
    assert found(f"order_id,customer_id,order_date,{amount},currency").constants == {}


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("order_item_id,customer_id,sku,price", "order_id or order_date"),
        ("order_id,customer_id,sku,price", "order_date"),
        ("customer_id,product,quantity", "order_id or order_date or order_amount"),
        ("email,sku,qty,line_total", "order_id or order_date"),
        ("product_id,name,price,stock", "order_id or order_date"),
    ],
)
def test_lines_of_something_without_a_date_are_not_taken_for_customers(
    header: str, missing: str
) -> None:
    with pytest.raises(RefusedError, match=missing) as refused:
        find_mapping(header.split(","), "file.csv", ())
    assert header.replace(",", ", ") in refused.value.message


@pytest.mark.parametrize(
    "header",
    [
        "id,email,first_name,orders_count,total_spent",
        "customer_id,email,total_orders,average_order_value,last_order_date",
        "id,name,email,phone,created_at,orders,spent",
        "Email,First Name,Last Name,Optin Time",
    ],
)
def test_customers_with_sums_of_their_orders_are_customers(header: str) -> None:
    assert find_mapping(header.split(","), "file.csv", ()).kind is Kind.CUSTOMERS


@pytest.mark.parametrize(("header", "amount"), [
    ("Ordernummer;Kundnummer;Orderdatum;Totalt inkl. moms;Frakt", 3),
    ("Bestelnummer;Klantnummer;Besteldatum;Bedrag incl. BTW;BTW", 3),
    ("Belegnr.;Kd.-Nr.;Belegdatum;Gesamt netto;Gesamt brutto", 4),
    ("code;number;email;date;totalPriceWithoutVat;totalPriceWithVat", 5),
    ("Order ID;Customer ID;Date;Total excl. VAT;Total", 4),
    ("N\u00b0 commande;Client;Date;Total HT;Total TTC", 4),
    ("order_id;customers_id;date_purchased;order_total", 3),
    ("order_number;order_customer_email;order_date_time;amount_total", 3),
])  # fmt: skip
def test_a_name_may_say_whether_taxes_are_included(header: str, amount: int) -> None:
    mapping = found(header, ";")
    assert (mapping.kind, mapping.columns["order_amount"]) == (Kind.ORDERS, amount)


def test_an_amount_without_taxes_is_read_where_there_is_no_other() -> None:
    assert found("Order ID,Customer ID,Date,Total excl. VAT,Tax").columns["order_amount"] == 3


@pytest.mark.parametrize("header", [
    "code;date;currency;exchangeRate;email;totalPrice",
    "order_id;customer_id;order_date;currency;rate;total",
    "Bestellnummer;Kundennummer;Datum;currency;exchange_rate;Betrag",
])  # fmt: skip
def test_orders_with_the_rate_of_their_day_are_no_exchange_rates(header: str) -> None:
    with_id = header.replace("code", "order_number")
    assert found(with_id, ";").kind is Kind.ORDERS


@pytest.mark.parametrize(("header", "kind"), [
    ("Numero,Data,Cliente,Imponibile,Totale", Kind.ORDERS), ("No,Date,Client,Amount", Kind.ORDERS),
    ("Number,Name,Email", Kind.CUSTOMERS), ("Numer,Klient,Data,Kwota", Kind.ORDERS),
])  # fmt: skip
def test_a_number_alone_is_that_of_an_order_where_the_rest_is_of_orders(
    header: str, kind: Kind
) -> None:
    mapping = found(header)
    assert mapping.kind is kind
    assert (mapping.columns.get("order_id") == 0) is (kind is Kind.ORDERS)
