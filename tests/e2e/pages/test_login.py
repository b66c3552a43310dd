"""A browser at a gateway that asks for a login: the way in, and what stays behind."""

import pytest_asyncio
from playwright.async_api import Browser, Request, expect

from rfm_common.db import Sessions, run_sql
from rfm_common.logins import create_link
from rfm_common.models import Scope
from rfm_common.settings import Settings
from tests.e2e.conftest import Site, is_live, serve, visit
from tests.shop import open_shop

ADMIN_KEY = "only-so-that-the-gateway-starts-here"
RUNS_FINISHING = """
setInterval(() => document.body.dispatchEvent(new CustomEvent('run-finished')), 100)
"""


@pytest_asyncio.fixture
async def locked(settings: Settings, sessions: Sessions, browser: Browser, library_folder):
    """A gateway that asks even on loopback."""
    await open_shop(sessions)
    more = {"RFM_AUTH": "required", "RFM_ADMIN_KEY": ADMIN_KEY}
    async with serve(settings, library_folder, **more) as site:
        yield site


async def make_link(sessions: Sessions) -> str:
    async with sessions() as session, session.begin():
        return await create_link(session, [Scope.ADMIN], "test")


async def test_a_link_opens_the_dashboard_and_its_secret_stays_out_of_every_address(
    browser: Browser, locked: Site, sessions: Sessions
) -> None:
    link = await make_link(sessions)
    async with visit(browser, locked) as page:
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        seen: list[str] = []

        def note(request: Request) -> None:
            seen.append(f"{request.url} {request.headers.get('referer')}")

        page.on("request", note)
        await page.goto(f"{locked.url}/login#{link}")
        await page.wait_for_url("**/dashboard")
        await is_live(page)
        assert seen
        assert link not in " ".join(seen)
        assert await page.evaluate("document.cookie") == ""
        await page.go_back()
        assert link not in page.url

        await page.goto(f"{locked.url}/login")
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        assert (await page.goto(f"{locked.url}/dashboard")).status == 401


async def test_an_open_page_asks_for_a_login_when_its_session_has_ended(
    browser: Browser, locked: Site, sessions: Sessions
) -> None:
    """Also without scripts one gets in: the secret is pasted."""
    async with visit(browser, locked, "/login", java_script_enabled=False) as page:
        await page.get_by_label("Paste your login link").fill(await make_link(sessions))
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/dashboard")
        cookies = await page.context.cookies()
    async with visit(browser, locked) as page:
        await page.context.add_cookies(cookies)
        await page.goto(f"{locked.url}/dashboard")
        await is_live(page)
        await page.evaluate(RUNS_FINISHING)
        async with sessions() as session, session.begin():
            await run_sql(session, "UPDATE login_sessions SET revoked_at = now()")
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible(timeout=10_000)
