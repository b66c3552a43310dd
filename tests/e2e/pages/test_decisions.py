"""A file that waits: its questions, by keyboard and on a phone."""

from playwright.async_api import Browser
from redis.asyncio import Redis

from rfm_common.db import Sessions
from tests.e2e.conftest import Site, is_live, visit
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop


async def held(site: Site, sessions: Sessions, redis: Redis) -> Shop:
    shop = Shop(site.settings, sessions, redis)
    good = "".join(f"O{n},C{n},2024-01-10,9.99,EUR,completed\n" for n in range(12))
    bad = "".join(f"B{n},C1,2024-02-31,1,EUR,completed\n" for n in range(4))
    await shop.load("orders.csv", ORDERS_HEADER + good + bad)
    return shop


async def test_a_decision_is_made_with_the_keyboard(
    browser: Browser, empty_site: Site, sessions: Sessions, redis: Redis
) -> None:
    shop = await held(empty_site, sessions, redis)
    async with visit(browser, empty_site, "/dashboard/imports/1") as page:
        await is_live(page)
        await page.set_viewport_size({"width": 390, "height": 844})
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await page.evaluate(wider)
        chosen = page.get_by_label("Import the 12 good rows")
        assert await chosen.is_checked()
        async with page.expect_response(lambda answer: "/preview" in answer.url):
            await chosen.press("ArrowDown")
        async with page.expect_response(lambda answer: "/preview" in answer.url):
            await page.keyboard.press("ArrowUp")
        await page.get_by_role("button", name="Import", exact=True).press("Enter")
        await page.get_by_text("Importing").first.wait_for()
        for item in await shop.importer.decided():
            await shop.importer.bring_in(item)
        await page.get_by_text("Partly imported").first.wait_for()
    assert empty_site.complaints == []
