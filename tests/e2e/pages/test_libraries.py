"""Libraries come from the CDN with their hash, and from the gateway where there is no CDN."""

import gzip
from pathlib import Path

from playwright.async_api import Browser, Route

from gateway.kit.assets import ASSETS, CDN
from rfm_common.db import Sessions
from rfm_common.settings import Settings
from tests.e2e.conftest import Site, is_live, serve
from tests.shop import open_shop

CORS = {"Access-Control-Allow-Origin": "*"}


async def test_the_page_lives_when_the_cdn_is_unreachable(
    browser: Browser, settings: Settings, sessions: Sessions, library_folder: Path
) -> None:
    await open_shop(sessions)
    async with serve(settings, library_folder, RFM_CDN="on") as site:
        context = await browser.new_context()
        await context.route(f"{CDN}/**", lambda route: route.abort())
        page = await context.new_page()
        await page.goto(f"{site.url}/dashboard")
        await is_live(page)
        loaded = await scripts(page)
        assert any(source.startswith("/vendor/htmx.js") for source in loaded)
        assert not any(source.startswith(CDN) for source in loaded)
        await context.close()


async def test_the_cdn_is_used_when_it_answers_with_the_right_bytes(
    browser: Browser, settings: Settings, sessions: Sessions, library_folder: Path
) -> None:
    await open_shop(sessions)
    async with serve(settings, library_folder, RFM_CDN="on") as site:
        context = await browser.new_context()

        async def cdn(route: Route) -> None:
            asset = next(item for item in ASSETS.values() if item.url == route.request.url)
            content = gzip.decompress((library_folder / f"vendor/{asset.name}.js.gz").read_bytes())
            await route.fulfill(body=content, content_type="text/javascript", headers=CORS)

        await context.route(f"{CDN}/**", cdn)
        page = await context.new_page()
        await page.goto(f"{site.url}/dashboard")
        await is_live(page)
        assert ASSETS["htmx"].url in await scripts(page)
        await context.close()


async def test_changed_bytes_from_the_cdn_never_run(
    browser: Browser, settings: Settings, sessions: Sessions, library_folder: Path
) -> None:
    await open_shop(sessions)
    async with serve(settings, library_folder, RFM_CDN="on") as site:
        context = await browser.new_context()

        async def cdn(route: Route) -> None:
            await route.fulfill(
                body="window.stolen = true", content_type="text/javascript", headers=CORS
            )

        await context.route(f"{CDN}/**", cdn)
        page = await context.new_page()
        await page.goto(f"{site.url}/dashboard")
        await is_live(page)
        assert await page.evaluate("window.stolen === undefined")
        assert any(source.startswith("/vendor/") for source in await scripts(page))
        await context.close()


async def test_without_any_copy_the_page_reads_and_says_that_it_is_not_live(
    browser: Browser, site: Site
) -> None:
    context = await browser.new_context()
    await context.route("**/vendor/**", lambda route: route.abort())
    page = await context.new_page()
    await page.goto(f"{site.url}/dashboard")
    await page.locator("#live[data-state=offline]").wait_for()
    assert "looking back 365 days" in await page.inner_text("#content")
    await context.close()


async def scripts(page) -> list[str]:
    return await page.locator("script[src]").evaluate_all(
        "all => all.map(script => script.getAttribute('src'))"
    )
