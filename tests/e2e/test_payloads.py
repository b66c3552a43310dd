"""What a file may hold does no harm on its way through: from CSV to page, to export, to header."""

import csv
import html
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

from rfm_common.settings import Settings
from tests.running import drop, eventually, product

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
CUSTOMERS = [  # id, e-mail, country
    ("=cmd|' /C calc'!A0", "+1@example.com", "-DE"),
    ("@SUM(1)", '=HYPERLINK("http://evil.example")', "\tUS"),
    ("<svg onload=alert(1)>", '"><img src=x onerror=alert(2)>', "{{7*7}}"),
    ("＝1+1", "plain@example.com", "GB"),
]
NASTY_NAME = 'rows"\r\nSet-Cookie: owned=1\r\n\r\n<b>.csv'
SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝")


def written(rows: list[tuple[str, ...]]) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerows(rows)
    return sink.getvalue()


def order(number: int, customer_id: str, amount: str = "-12.50") -> tuple[str, ...]:
    return (f"=O{number}", customer_id, f"{YESTERDAY}", amount, "EUR", "completed")


HEADER = ("order_id", "customer_id", "order_date", "order_amount", "currency", "status")


@pytest.fixture
def files() -> dict[str, str]:
    """Three files: customers, their orders, and rows that are refused."""
    ids = [customer[0] for customer in CUSTOMERS]
    sold = [order(n, ids[n % len(ids)], f"{n + 1}.25") for n in range(40)]
    good = [order(100 + n, ids[0], "5.00") for n in range(20)]
    return {
        "customers.csv": written([("customer_id", "email", "country"), *CUSTOMERS]),
        "orders.csv": written([HEADER, *sold]),
        NASTY_NAME: written([HEADER, *good, order(999, ids[0], "=1+1")]),
    }


async def test_from_csv_to_page_export_and_header(settings: Settings, files) -> None:
    async with product(settings, RFM_CDN="off") as client:
        for number, (name, content) in enumerate(files.items(), 1):
            drop(settings.input_dir, name, content)
            await eventually(lambda n=number: is_loaded(client, n), what=name)
        run = await client.post("/pipeline/run", headers={"Prefer": "wait=60"})
        assert run.json()["status"] == "finished", run.text
        await pages_show_text_as_text(client)
        await cells_are_no_formulas(client, "/export/segments/all")
        await cells_are_no_formulas(client, "/customers.csv")
        await names_stay_in_their_header(client)


async def is_loaded(client: httpx.AsyncClient, number: int) -> bool:
    found = await client.get(f"/imports/{number}")
    return found.status_code == 200 and found.json()["state"].startswith("loaded")


async def pages_show_text_as_text(client: httpx.AsyncClient) -> None:
    one = quote(CUSTOMERS[2][0], safe="")
    for path in ("/dashboard/customers", f"/dashboard/customers/{one}", "/dashboard/imports/3"):
        page = await client.get(path)
        assert page.status_code == 200, path
        assert page.headers["content-security-policy"].startswith("default-src 'self'")
        for payload in ("<svg onload", "<img src=x", ">49<", "<b>.csv"):
            assert payload not in page.text, path
    listed = (await client.get("/dashboard/customers")).text
    assert html.escape(CUSTOMERS[2][0]) in listed


async def cells_are_no_formulas(client: httpx.AsyncClient, path: str) -> None:
    """Text cells get a quote before the sign, the rest is as it was; figures are figures."""
    rows = list(csv.DictReader(io.StringIO((await client.get(path)).text, newline="")))
    found = {row["customer_id"].removeprefix("'"): row for row in rows}
    assert found.keys() == {customer[0] for customer in CUSTOMERS}
    for row in rows:
        for name in ("customer_id", "email", "country"):
            assert not row[name].startswith(SIGNS), (path, row)
        float(row["monetary"])
    assert found["@SUM(1)"]["email"] == "'" + CUSTOMERS[1][1]
    assert found["＝1+1"]["email"] == "plain@example.com"


async def names_stay_in_their_header(client: httpx.AsyncClient) -> None:
    answer = await client.get("/imports/3/rejects.csv")
    assert "set-cookie" not in answer.headers
    disposition = answer.headers["content-disposition"]
    assert disposition.count('"') == 2
    assert "\r" not in disposition
    [row] = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert row["value"] == "'=1+1"
    assert row["raw"].startswith("'=O999")
