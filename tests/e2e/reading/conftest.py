"""A shop to look at: loaded from files and scored twice by the real services, then left alone.

Its owner is unlucky: wherever a file may hold text, some of it is HTML.
"""

import random
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest_asyncio
from playwright.async_api import Browser
from pydantic import SecretStr

from rfm_common.settings import Settings
from tests.conftest import Template, fresh
from tests.e2e.conftest import Site, is_judged, serve
from tests.running import drop, eventually, product

TODAY = datetime.now(UTC).date()
MONTH_AGO = TODAY - timedelta(days=30)
CUSTOMERS = 90
NASTY_ID = "<img src=x onerror=pwned=1>"
"""The id of the best customer, who is on every page that names one."""
MARKUP_ID = '<b>bold</b><a href="javascript:pwned=2">{{7*7}}</a>'
NASTY_EMAIL = "<script>pwned=3</script>@example.com"
NASTY_COUNTRY = "<svg onload=pwned=4>"
NASTY_ORDER = "</script><script>pwned=5</script>"
NASTY_STATUS = "<details open ontoggle=pwned=6>"
NASTY_CURRENCY = "<u>€</u>"
NASTY_FILE = "<img src=x onerror=pwned=7>.csv"

PAGES = {
    "overview": "/dashboard",
    "overview, pinned": f"/dashboard?date={TODAY}&compare={MONTH_AGO}",
    "segments": "/dashboard/segments",
    "segment": "/dashboard/segments/champions",
    "going quiet": "/dashboard/going-quiet",
    "customers": "/dashboard/customers",
    "cohorts": "/dashboard/cohorts",
    "trust": "/dashboard/trust",
    "customer": f"/dashboard/customers/{quote(NASTY_ID, safe='')}",
    "clusters": "/dashboard/clusters",
    "migrations": "/dashboard/migrations",
    "sankey": "/dashboard/migrations?view=sankey",
    "movers": "/dashboard/migrations?movers=1",
    "imports": "/dashboard/imports",
    "import": "/dashboard/imports/3",
    "runs": "/dashboard/runs",
    "run": "/dashboard/runs/1",
    "settings": "/dashboard/settings",
    "report": "/dashboard/report",
    "help": "/dashboard/help",
    "connect": "/dashboard/connect",
}
"""By name: every page of the dashboard, over this shop."""


def customers_csv() -> str:
    """The two with HTML for ids, and plain ones."""
    chance = random.Random(11)
    plain = [
        f"C{n:03},customer{n}@example.com,{chance.choice(['DE', 'FR', 'GB', ''])},2023-01-09"
        for n in range(1, CUSTOMERS + 1)
    ]
    nasty = [f"{cell(name)},{NASTY_EMAIL},{NASTY_COUNTRY},2023-01-09" for name in names()]
    return "\n".join(["customer_id,email,country,created_at", *nasty, *plain, ""])


def names() -> tuple[str, str]:
    return NASTY_ID, MARKUP_ID


def cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def orders_csv() -> str:
    """The two buy most; one of their orders each does not count."""
    return "\n".join([
        "order_id,customer_id,order_date,order_amount,currency,status",
        *_orders_of_the_nasty(),
        *_orders_of_the_plain(random.Random(12)),
        "",
    ])  # fmt: skip


def _orders_of_the_nasty() -> Iterator[str]:
    for number, name in enumerate(names()):
        for n in range(25):
            day = TODAY - timedelta(days=n * 12 + 1)
            yield f"{NASTY_ORDER}{number}{n:02},{cell(name)},{day:%Y-%m-%d},900.00,EUR,completed"
        yield f"X{number},{cell(name)},{MONTH_AGO},1.00,EUR,{NASTY_STATUS}"


def _orders_of_the_plain(chance: random.Random) -> Iterator[str]:
    for n in range(600):
        customer = int(CUSTOMERS * chance.random() ** 2) + 1
        day = TODAY - timedelta(days=1 + int(500 * chance.random() ** 1.5))
        amount = f"{chance.lognormvariate(4, 1):.2f}"
        yield f"O{n:04},C{customer:03},{day:%Y-%m-%d},{amount},EUR,completed"


def rejected_csv() -> str:
    """A good row, and rows with HTML where a date, a figure and a currency should be."""
    return "\n".join([
        "order_id,customer_id,order_date,order_amount,currency,status",
        f"P1,C001,{TODAY},10.00,EUR,completed",
        f"P2,C001,{NASTY_COUNTRY},10.00,EUR,completed",
        f"P3,C001,{TODAY},{NASTY_COUNTRY},EUR,completed",
        f"P4,C001,{TODAY},10.00,{NASTY_CURRENCY},completed",
        "",
    ])  # fmt: skip


@pytest_asyncio.fixture(scope="session")
async def shop_settings(template: Template, tmp_path_factory) -> AsyncGenerator[Settings]:
    """Settings of the shop's own database and folder."""
    folder = tmp_path_factory.mktemp("reading")
    async with fresh(template, folder / "data") as settings:
        # The gateways of other tests take the first database of Redis for theirs.
        url = settings.redis_url.get_secret_value().removesuffix("/0")
        yield settings.model_copy(update={"redis_url": SecretStr(f"{url}/1")})


@pytest_asyncio.fixture(scope="session")
async def shop(
    browser: Browser, library_folder: Path, shop_settings: Settings
) -> AsyncGenerator[Site]:
    """A gateway over the shop, for all tests that only look."""
    # A status that nobody knows is no question: the operator says which ones count.
    async with product(shop_settings, RFM_CDN="off", RFM_COUNTED_STATUSES="completed") as client:
        await fill(client, shop_settings)
    async with serve(shop_settings, library_folder) as site:
        yield site


async def fill(client: httpx.AsyncClient, settings: Settings) -> None:
    """Load the files in order, for their numbers, and score two days by hand."""
    drop(settings.input_dir, "customers.csv", customers_csv())
    drop(settings.input_dir, "orders.csv", orders_csv())
    await eventually(lambda: has_files(client, 2), what="two files are loaded")
    drop(settings.input_dir, NASTY_FILE, rejected_csv())
    drop(settings.input_dir, f"photo-{NASTY_FILE}", b"\x00\x01\x02 no text")
    await eventually(lambda: has_files(client, 4), what="all files are dealt with")
    for day, k in ((MONTH_AGO, 5), (TODAY, "auto")):
        asked = {"calc_date": f"{day}T00:00:00", "k": k}
        answer = await client.post("/pipeline/run", json=asked, headers={"Prefer": "wait=60"})
        assert answer.json()["status"] == "finished", answer.text
    await eventually(lambda: is_judged(client), what="the past is judged")


async def has_files(client: httpx.AsyncClient, count: int) -> bool:
    """Whether so many files are through."""
    files = (await client.get("/imports")).json()["imports"]
    return len([item for item in files if item["state"] != "reading"]) == count
