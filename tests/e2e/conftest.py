"""A real browser on a real gateway, over a shop that is scored already.

Skipped by name where no Chromium is installed, or where the libraries of the pages cannot be
fetched (then there is nothing to test them with).
"""

import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from gateway.kit.assets import ASSETS, fetch_all
from rfm_cli.processes import free_port
from rfm_common.db import Sessions
from rfm_common.settings import Settings
from tests.running import answering, start, stop
from tests.shop import open_shop

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    """One Chromium for all tests; each gets contexts of its own."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest_asyncio.fixture(scope="session")
async def library_folder() -> AsyncGenerator[Path]:
    """A state folder with the local copies of htmx and Plotly."""
    with tempfile.TemporaryDirectory(prefix="rfm-libraries-") as name:
        folder = Path(name)
        await fetch_all(Settings(_env_file=None, state_dir=folder))  # type: ignore[call-arg]
        if len(list(folder.glob("vendor/*.gz"))) < len(ASSETS):
            pytest.skip("neither the CDN nor the registry of npm can be reached")
        yield folder


@dataclass
class Site:
    """A running gateway and what its pages complained about."""

    url: str
    settings: Settings
    complaints: list[str] = field(default_factory=list)


@asynccontextmanager
async def serve(
    settings: Settings, state_dir: Path, port: int | None = None, **more: str
) -> AsyncGenerator[Site]:
    """The gateway as a process of its own, on a free port unless one is given."""
    port = port or free_port()
    environment = {"API_PORT": str(port), "RFM_STATE_DIR": str(state_dir), "RFM_CDN": "off"} | more
    process = await start("gateway", settings, **environment)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            await answering(client)
        yield Site(url, settings)
    finally:
        await stop(process)


@pytest_asyncio.fixture
async def empty_site(
    settings: Settings, browser: Browser, library_folder: Path
) -> AsyncGenerator[Site]:
    """A gateway over an empty database."""
    async with serve(settings, library_folder) as site:
        yield site


@pytest_asyncio.fixture
async def site(
    settings: Settings, sessions: Sessions, browser: Browser, library_folder: Path
) -> AsyncGenerator[Site]:
    """A gateway over the small shop."""
    await open_shop(sessions)
    async with serve(settings, library_folder) as running:
        yield running


def watch(page: Page, site: Site) -> Page:
    """Note what the page says on its console: errors, and what the content policy blocked."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            site.complaints.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: site.complaints.append(f"{page.url}: {error}"))
    return page


@asynccontextmanager
async def visit(
    browser: Browser, site: Site, path: str = "/dashboard", **context: object
) -> AsyncGenerator[Page]:
    """The page at `path` in a fresh context: `viewport`, `color_scheme`, `java_script_enabled`."""
    opened: BrowserContext = await browser.new_context(locale="en-GB", **context)  # type: ignore[arg-type]
    try:
        page = watch(await opened.new_page(), site)
        await page.goto(f"{site.url}{path}", wait_until="load")
        yield page
    finally:
        await opened.close()


async def is_live(page: Page) -> None:
    """Wait until the page is connected to the events."""
    await page.locator("#live[data-state=live]").wait_for()


async def is_judged(client: httpx.AsyncClient) -> bool:
    """Whether the shop's past is judged at every cut."""
    answer = await client.get("/values/trust")
    return answer.status_code == 200 and len(answer.json()["cuts"]) == 3
