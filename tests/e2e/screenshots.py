"""Pictures of every page, in light, dark and on a phone, for the README and for looking at.

    python -m tests.e2e.screenshots docs/images

Loads the demo shop into private servers with the real services, fills in a year of months,
and takes the pictures with Chromium. The shop is the same each time; its dates follow the day.
"""

import argparse
import asyncio
import io
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import httpx
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from gateway.kit.assets import fetch_all
from rfm_cli.postgres import PrivatePostgres
from rfm_cli.valkey import PrivateValkey
from rfm_common.demo import drop_shop
from rfm_common.schema import upgrade
from rfm_common.settings import Settings
from tests.e2e.conftest import CHROMIUM, Site, is_judged, serve
from tests.running import eventually, start, stop

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
LOOKS: Mapping[str, Mapping[str, object]] = {
    "light": {**DESKTOP, "color_scheme": "light"},
    "dark": {**DESKTOP, "color_scheme": "dark"},
    "phone": {**PHONE, "color_scheme": "light", "device_scale_factor": 1.5},
}
TALLEST = 2400
"""Pixels of the page, not of the picture; what is below is cut off."""
MONTHS = 12
BEFORE = {"first-run": "/dashboard"}
"""Taken while there is no data."""
PAGES = {
    "overview": "/dashboard",
    "going-quiet": "/dashboard/going-quiet",
    "segments": "/dashboard/segments",
    "segment": "/dashboard/segments/champions",
    "customers": "/dashboard/customers",
    "customer": "/dashboard/customers/{customer}",
    "cohorts": "/dashboard/cohorts?months=24",
    "trust": "/dashboard/trust",
    "clusters": "/dashboard/clusters",
    "preview": "/dashboard/clusters?run={preview}",
    "migrations": "/dashboard/migrations",
    "sankey": "/dashboard/migrations?view=sankey",
    "imports": "/dashboard/imports",
    "import": "/dashboard/imports/{rejects}",
    "runs": "/dashboard/runs",
    "run": "/dashboard/runs/{preview}",
    "report": "/dashboard/report",
    "help": "/dashboard/help",
    "login": "/login",
    "problem": "/dashboard/customers/nobody",
}
STEADY = ("--font-render-hinting=none", "--force-color-profile=srgb", "--no-sandbox")
SHOWN_FOLDER = "/srv/rfm/data"
"""Stands in the pictures for the folder of this run, which nobody would recognise."""
REPLACE = """([from, to]) => {
  for (const place of document.querySelectorAll("code"))
    place.textContent = place.textContent.replaceAll(from, to);
}"""


async def fill(client: httpx.AsyncClient, settings: Settings) -> None:
    """Load the whole demo shop before anything is scored, then score it, then its past."""
    ingest = await start("ingest", settings)
    drop_shop(settings.input_dir, datetime.now(settings.zone).replace(tzinfo=None), lambda _: None)
    await eventually(lambda: is_loaded(client), 300, "the shop is loaded")
    await stop(ingest)
    scoring = await start("scoring", settings)
    await eventually(lambda: is_idle(client), 300, "the shop is scored")
    await client.post("/pipeline/backfill", json={"months": MONTHS})
    await eventually(lambda: is_idle(client), 300, "the months are filled in")
    tried = {"k": "auto", "preview": True}
    await client.post("/pipeline/run", json=tried, headers={"Prefer": "wait=120"})
    await eventually(lambda: is_judged(client), 120, "the past is judged")
    await stop(scoring)


async def addresses(client: httpx.AsyncClient) -> dict[str, str]:
    """PAGES with the customer, the file and the run that they shall show."""
    good = (await client.get("/segments/Champions/customers?page_size=9")).json()["customers"][8]
    files = (await client.get("/imports?state=loaded_with_rejects")).json()["imports"]
    newest = (await client.get("/runs?page_size=1")).json()["runs"][0]
    named = {
        "customer": quote(good["customer_id"], safe=""),
        "rejects": files[0]["import_id"],
        "preview": newest["run_id"],
    }
    return {name: path.format(**named) for name, path in PAGES.items()}


async def is_loaded(client: httpx.AsyncClient) -> bool:
    """Whether every dropped file is through."""
    health = (await client.get("/health")).json()
    return health["data_version"] > 0 and not health["pending_imports"]


async def is_idle(client: httpx.AsyncClient) -> bool:
    """Whether all files are loaded and scored, and no run waits."""
    health = (await client.get("/health")).json()
    runs = (await client.get("/runs?page_size=50")).json()["runs"]
    is_scored = 0 < health["data_version"] == health["scored_version"]
    open_runs = [run for run in runs if run["status"] in ("queued", "running")]
    return is_scored and not health["pending_imports"] and not open_runs


async def settle(page: Page) -> None:
    """Scroll to every chart until it is drawn, and back to the top."""
    for chart in await page.locator("[data-chart]").all():
        await chart.scroll_into_view_if_needed()
        await chart.locator(".main-svg, canvas").first.wait_for()
    await page.mouse.move(0, 0)
    await page.evaluate("scrollTo(0, 0)")
    await page.evaluate("document.fonts.ready")


async def shoot(browser: Browser, look: str, url: str, data_dir: Path) -> bytes:
    """One page as PNG, as long as it is up to TALLEST."""
    fixed = {"locale": "en-GB", "timezone_id": "UTC", "reduced_motion": "reduce"}
    context = await browser.new_context(**fixed, **LOOKS[look])  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(url, wait_until="load")
    if await page.locator("#live").count():
        await page.locator("#live[data-state=live]").wait_for()
    await settle(page)
    await page.evaluate(REPLACE, [str(data_dir), SHOWN_FOLDER])
    height = await page.evaluate("document.documentElement.scrollHeight")
    width = LOOKS[look]["viewport"]["width"]  # type: ignore[index]
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)}
    content = await page.screenshot(full_page=True, clip=clip, animations="disabled")
    await context.close()
    return content


def keep(content: bytes, path: Path) -> None:
    """Write as lossless WebP: a third of the bytes of the PNG, and every colour as it is."""
    Image.open(io.BytesIO(content)).convert("RGB").save(path, lossless=True, quality=90, method=4)


async def take(browser: Browser, site: Site, pages: Mapping[str, str], target: Path) -> None:
    """Every page in every look."""
    for name, path in pages.items():
        for look in LOOKS:
            content = await shoot(browser, look, f"{site.url}{path}", site.settings.data_dir)
            keep(content, target / f"{name}-{look}.webp")


@asynccontextmanager
async def shop_servers(folder: Path) -> AsyncGenerator[Settings]:
    """Private servers with an empty, migrated database."""
    servers = PrivatePostgres(folder / "postgres"), PrivateValkey(folder / "valkey")
    try:
        environment: dict[str, str] = {}
        for server in servers:
            server.start()
            environment |= server.environment()
        given = {name.lower(): value for name, value in environment.items()}
        settings = Settings(_env_file=None, input_dir=folder / "data/input", cdn="off", **given)  # type: ignore[call-arg,arg-type]
        settings.input_dir.mkdir(parents=True)
        await upgrade(settings)
        yield settings
    finally:
        for server in servers:
            server.stop()


async def photograph(target: Path, folder: Path) -> None:
    """Start everything, take all pictures, stop everything."""
    target.mkdir(parents=True, exist_ok=True)
    state = folder / "state"
    await fetch_all(Settings(_env_file=None, state_dir=state, cdn="off"))  # type: ignore[call-arg]
    async with (
        async_playwright() as playwright,
        shop_servers(folder) as settings,
        serve(settings, state) as site,
        httpx.AsyncClient(base_url=site.url, timeout=150) as client,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*STEADY])
        await take(browser, site, BEFORE, target)
        await fill(client, settings)
        await take(browser, site, await addresses(client), target)
        await browser.close()


def main() -> None:
    """Take all pictures into the folder that is given."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("target", type=Path)
    target = parser.parse_args().target.absolute()
    folder = Path(tempfile.mkdtemp(prefix="rfm-pictures-"))
    folder.chmod(0o755)
    try:
        asyncio.run(photograph(target, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
