"""Every page, in light, dark and on a phone: readable, silent on the console, never too wide."""

import pytest
from playwright.async_api import Browser

from rfm_common.db import Sessions, run_sql
from tests.e2e.conftest import Site, is_live, visit
from tests.shop import PAGES


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_no_page_scrolls_sideways_or_complains(
    browser: Browser, site: Site, width: int
) -> None:
    for path in PAGES:
        async with visit(browser, site, path, viewport={"width": width, "height": 800}) as page:
            await is_live(page)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} px wide"
    assert site.complaints == []


async def test_pages_read_without_scripts(browser: Browser, site: Site) -> None:
    for path in PAGES:
        async with visit(browser, site, path, java_script_enabled=False) as page:
            assert await page.locator("h1").count() == 1, path
            assert await page.get_by_text("Scripts are off").is_visible()
            for hidden in ("#live", "#theme"):
                assert not await page.locator(hidden).is_visible()


async def test_every_page_has_one_main_heading_and_a_way_past_the_navigation(
    browser: Browser, site: Site
) -> None:
    async with visit(browser, site) as page:
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("location.hash") == "#main"


async def test_the_theme_is_chosen_once_for_all_pages(browser: Browser, site: Site) -> None:
    async with visit(browser, site, color_scheme="light") as page:
        light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await page.locator("#theme").click()  # system -> light
        await page.locator("#theme").click()  # light -> dark
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        await page.goto(f"{site.url}/dashboard/segments")
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_charts_never_offer_to_send_data_away(browser: Browser, site: Site) -> None:
    async with visit(browser, site) as page:
        plot = page.locator("#plot-scatter")
        await plot.scroll_into_view_if_needed()
        await plot.locator(".modebar").wait_for(state="attached")
        titles = await plot.locator(".modebar-btn").evaluate_all(
            "buttons => buttons.map(button => button.dataset.title)"
        )
        assert titles
        assert not [title for title in titles if "share" in title.lower()]


async def test_html_in_data_shows_as_text(browser: Browser, site: Site, sessions: Sessions) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    async with sessions() as session, session.begin():
        for table, columns in {
            "customers": ("email", "country"),
            "imports": ("file_name", "message"),
            "import_rejects": ("value", "raw", "message"),
        }.items():
            changes = ", ".join(f"{column} = :nasty" for column in columns)
            await run_sql(session, f"UPDATE {table} SET {changes}", nasty=nasty)
    for path in PAGES:
        async with visit(browser, site, path) as page:
            await is_live(page)
            assert await page.locator("img").count() == 0, path
    assert site.complaints == []


async def test_search_narrows_as_one_types_and_back_restores(browser: Browser, site: Site) -> None:
    async with visit(browser, site, "/dashboard/customers") as page:
        await is_live(page)
        await page.get_by_label("Id or e-mail contains").fill("C0007")
        await page.get_by_role("heading", name="1 customer", exact=True).wait_for()
        assert "q=C0007" in page.url
        await page.go_back()
        await page.get_by_role("heading", name="120 customers").wait_for()
    assert site.complaints == []


async def test_other_hosts_are_never_asked(browser: Browser, site: Site) -> None:
    asked: set[str] = set()
    async with visit(browser, site) as page:
        page.on("request", lambda request: asked.add(request.url.split("/")[2]))
        await page.reload()
        await is_live(page)
        await page.locator("#plot-scatter").scroll_into_view_if_needed()
        await page.locator("#plot-scatter .main-svg").first.wait_for()
    assert asked == {site.url.split("/")[2]}
