"""The snippets of the page Connect, taken from the page and run as they stand there."""

import asyncio
import html
import json
import os
import re
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.integration.gateway_api.conftest import on_socket
from tests.integration.ingest.dropping import running
from tests.shop import open_shop

KEY = "k" * 40
CSV = "order_id,customer_id,order_date,order_amount,status\nO1,C1,2024-01-05,9.50,completed\n"


@pytest_asyncio.fixture
async def ingest(settings: Settings, sessions, redis) -> AsyncGenerator[None]:
    """The service that loads what is sent."""
    quick = settings.model_copy(update={"settle_seconds": 0.0, "rescan_seconds": 0.5})
    async with running(quick, sessions, redis):
        yield


@pytest_asyncio.fixture(params=["on", "required"])
async def page(request, settings: Settings, ingest) -> AsyncGenerator[str]:
    """The page of a gateway that asks for no key, and of one that does."""
    asks = {"cdn": "off", "auth": request.param, "admin_key": SecretStr(KEY)}
    async with on_socket(settings.model_copy(update=asks)) as (_, (host, port)):
        headers = {"Authorization": f"Bearer {KEY}"} if request.param == "required" else {}
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", headers=headers) as client:
            answer = await client.get("/dashboard/connect")
        assert answer.status_code == 200, answer.text
        assert ("RFM_API_KEY" in answer.text) == (request.param == "required")
        assert ("rfm key create" in answer.text) == (request.param == "required")
        yield answer.text


def snippet(page: str, name: str) -> str:
    """The text of one, as a browser copies it."""
    [found] = re.findall(rf'<pre id="{name}"[^>]*>(.*?)</pre>', page, re.DOTALL)
    return html.unescape(found)


async def run(folder: Path, *command: str, **environment: str) -> str:
    """What the program prints; it must not fail."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "RFM_API_KEY": KEY, **environment},
    )  # fmt: skip
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


@pytest.mark.parametrize(
    ("name", "command"), [("curl", ("bash", "-ec")), ("python", (sys.executable, "-c"))]
)
async def test_calls_send_list_and_export(
    page: str, sessions: Sessions, tmp_path: Path, name: str, command: tuple[str, str]
) -> None:
    await open_shop(sessions)
    (tmp_path / "orders.csv").write_text(CSV)
    printed = await run(tmp_path, *command, snippet(page, name))
    assert "1 loaded" in printed
    assert "Champions" in printed
    assert (tmp_path / "champions.csv").read_text().startswith("customer_id,")
    assert await orders(sessions, "O1") == [("O1", "C1", "9.5", "completed")]


async def orders(sessions: Sessions, *ids: str) -> list[tuple[str, ...]]:
    query = (
        "SELECT order_id, customer_id, trim_scale(order_amount)::text, status FROM orders"
        " WHERE order_id = ANY(:ids) ORDER BY 1"
    )
    async with sessions() as session:
        return [tuple(row) for row in await run_sql(session, query, ids=list(ids))]


class Shop(BaseHTTPRequestHandler):
    """Answers as the documented interfaces of Shopify and WooCommerce do, two pages each."""

    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: value for name, [value] in parse_qs(url.query).items()}
        self.asked.append((url.path, asked, dict(self.headers)))
        pages = [
            [woo("11", "completed", "20.00"), woo("12", "refunded", "5.00", "-5.00")],
            [woo("13", "processing", "7.50", "-2.50"), woo("14", "checkout-draft", "1.00")],
        ]
        self.reply(pages[int(asked["page"]) - 1], **{"X-WP-TotalPages": "2"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.endswith("/access_token"):
            asked = {name: value for name, [value] in parse_qs(body).items()}
            answer: Any = {"access_token": "shpat_1", "scope": "read_orders", "expires_in": 86399}
        else:
            asked = json.loads(body)["variables"]
            answer = shopify_page(asked["after"])
        self.asked.append((self.path, asked, dict(self.headers)))
        self.reply(answer)

    def reply(self, answer: Any, **headers: str) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def woo(number: str, status: str, total: str, *refunds: str) -> dict[str, Any]:
    return {
        "id": int(number), "number": number, "status": status, "currency": "EUR", "total": total,
        "date_created_gmt": "2024-03-01T10:00:00", "billing": {"email": f"w{number}@shop.example"},
        "refunds": [{"id": 1, "reason": "", "total": refund} for refund in refunds],
    }  # fmt: skip


def shopify_page(after: str | None) -> dict[str, Any]:
    first = [shopify("#1", "PAID", "20.00"), shopify("#2", "PARTIALLY_REFUNDED", "9.00", "4.00")]
    last = [
        shopify("#3", "PAID", "3.00", cancelled="2024-03-02T10:00:00Z"),
        shopify("#4", "REFUNDED", "6.00", "6.00"),
        shopify("#5", "PENDING", "8.00"),
    ]
    more = after is None
    info = {"hasNextPage": more, "endCursor": "here" if more else "end"}
    left = {"maximumAvailable": 2000.0, "currentlyAvailable": 1900, "restoreRate": 100.0}
    return {
        "data": {"orders": {"pageInfo": info, "nodes": first if more else last}},
        "extensions": {"cost": {"requestedQueryCost": 60, "throttleStatus": left}},
    }


def shopify(
    name: str, status: str, total: str, refunded: str = "0.0", cancelled: str | None = None
) -> dict[str, Any]:
    return {
        "name": name, "email": f"s{name[1:]}@shop.example", "createdAt": "2024-03-01T10:00:00Z",
        "cancelledAt": cancelled, "currencyCode": "EUR", "displayFinancialStatus": status,
        "totalPriceSet": {"shopMoney": {"amount": total}},
        "totalRefundedSet": {"shopMoney": {"amount": refunded}},
    }  # fmt: skip


@pytest.fixture
def shop_url() -> Generator[str]:
    """A shop on this machine."""
    Shop.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("page", ["required"], indirect=True)
async def test_orders_of_shopify_are_sent(
    page: str, sessions: Sessions, tmp_path: Path, shop_url: str
) -> None:
    access = {"SHOPIFY_CLIENT_ID": "app", "SHOPIFY_CLIENT_SECRET": "secret"}
    program = snippet(page, "shopify")
    printed = await run(
        tmp_path, sys.executable, "-c", program, "3", SHOPIFY_URL=shop_url, **access
    )
    assert "1 loaded" in printed, printed
    [(_, credentials, _), (path, first, headers), (_, second, _)] = Shop.asked
    assert credentials == {
        "grant_type": "client_credentials", "client_id": "app", "client_secret": "secret",
    }  # fmt: skip
    assert re.fullmatch(r"/admin/api/\d{4}-\d\d/graphql\.json", path)
    assert headers["X-Shopify-Access-Token"] == "shpat_1"
    assert (first["after"], second["after"]) == (None, "here")
    assert re.fullmatch(r"updated_at:>=\d{4}-\d\d-\d\d", first["changed"])
    assert await orders(sessions, "#1", "#2", "#3", "#4", "#5") == [
        ("#1", "s1@shop.example", "20", "completed"),
        ("#2", "s2@shop.example", "5", "completed"),
        ("#3", "s3@shop.example", "3", "cancelled"),
        ("#4", "s4@shop.example", "6", "refunded"),
        ("#5", "s5@shop.example", "8", "pending"),
    ]


@pytest.mark.parametrize("page", ["on"], indirect=True)
async def test_orders_of_woocommerce_are_sent(
    page: str, sessions: Sessions, tmp_path: Path, shop_url: str
) -> None:
    access = {"WOO_KEY": "ck_1", "WOO_SECRET": "cs_1"}
    program = snippet(page, "woocommerce")
    printed = await run(tmp_path, sys.executable, "-c", program, "3", WOO_URL=shop_url, **access)
    assert "1 loaded" in printed, printed
    [(path, first, headers), (_, second, _)] = Shop.asked
    assert path == "/wp-json/wc/v3/orders"
    assert headers["Authorization"].startswith("Basic ")
    assert (first["page"], second["page"], first["per_page"]) == ("1", "2", "100")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", first["modified_after"])
    assert await orders(sessions, "11", "12", "13", "14") == [
        ("11", "w11@shop.example", "20", "completed"),
        ("12", "w12@shop.example", "5", "refunded"),
        ("13", "w13@shop.example", "5", "completed"),
        ("14", "w14@shop.example", "1", "pending"),
    ]
