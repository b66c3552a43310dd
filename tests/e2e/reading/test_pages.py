"""Every page: readable by everyone, silent on the console, never too wide, alone with its host."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.e2e.conftest import Site, is_live, visit
from tests.e2e.reading.conftest import MONTH_AGO, PAGES

pytestmark = pytest.mark.timeout(300)  # the first to come also loads the shop
WIDTHS = (320, 390, 575, 576, 768, 899, 900, 1100, 1200, 1366, 1920)
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
ASKED = {"runOnly": {"type": "tag", "values": STANDARDS}, "resultTypes": ["violations"]}
NEXT_FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_for_everyone_on_every_screen(
    browser: Browser, shop: Site, name: str
) -> None:
    asked: set[str] = set()
    shop.complaints.clear()
    screen = {"viewport": DESKTOP, "color_scheme": "light", "reduced_motion": "reduce"}
    async with visit(browser, shop, PAGES[name], **screen) as page:
        page.on("request", lambda request: asked.add(request.url.split("/")[2]))
        await is_live(page)
        await draw_all(page)
        assert await violations(page) == [], "light"
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        await page.evaluate(NEXT_FRAME)
        assert await violations(page) == [], "dark"
        await page.set_viewport_size(PHONE)
        assert await violations(page) == [], "dark, on a phone"
        assert await too_wide(page) == []
    assert shop.complaints == []
    assert asked <= {shop.url.split("/")[2]}


async def draw_all(page: Page) -> None:
    """Scroll to each chart, so that all are drawn."""
    for chart in await page.locator("[data-chart]").all():
        await chart.scroll_into_view_if_needed()
        await chart.locator(".main-svg").first.wait_for()


async def violations(page: Page) -> list[str]:
    """What axe finds: WCAG 2.2 AA and its best practices."""
    found = (await Axe().run(page, options=ASKED)).response["violations"]
    return [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


async def too_wide(page: Page) -> list[str]:
    """The widths at which the page scrolls sideways."""
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        wide = await page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{wide} px at {width}")
    return found


async def test_pages_without_a_shop_are_for_everyone_too(
    browser: Browser, empty_site: Site
) -> None:
    for path in ("/dashboard", "/dashboard/customers/nobody", "/login"):
        screen = {"viewport": DESKTOP, "color_scheme": "light", "reduced_motion": "reduce"}
        async with visit(browser, empty_site, path, **screen) as page:
            assert await violations(page) == [], path
            await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            await page.set_viewport_size(PHONE)
            await page.evaluate(NEXT_FRAME)
            assert await violations(page) == [], path
            assert await too_wide(page) == [], path
    # A browser notes every 404 on its console; nothing else may be there.
    assert [text for text in empty_site.complaints if "404" not in text] == []


async def test_pages_read_without_scripts(browser: Browser, shop: Site) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    for name, path in PAGES.items():
        await page.goto(f"{shop.url}{path}")
        assert await page.locator("h1").count() == 1, name
        assert await page.get_by_text("JavaScript is off").is_visible()
        for hidden in ("#live", "#theme"):
            assert not await page.locator(hidden).is_visible()
    await context.close()


async def test_the_way_past_the_navigation_is_the_first_stop_of_the_keyboard(
    browser: Browser, shop: Site
) -> None:
    async with visit(browser, shop) as page:
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("location.hash") == "#main"


async def test_the_theme_is_chosen_once_for_all_pages(browser: Browser, shop: Site) -> None:
    async with visit(browser, shop, color_scheme="light") as page:
        light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await page.locator("#theme").click()  # system -> light
        await page.locator("#theme").click()  # light -> dark
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        await page.goto(f"{shop.url}/dashboard/segments")
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_search_narrows_as_one_types_and_back_restores(browser: Browser, shop: Site) -> None:
    async with visit(browser, shop, "/dashboard/customers") as page:
        await is_live(page)
        everybody = await page.locator("#found").inner_text()
        await page.get_by_label("Id or e-mail contains").fill("C007")
        await page.get_by_role("heading", name="1 customer", exact=True).wait_for()
        assert "q=C007" in page.url
        await page.go_back()
        await page.get_by_role("heading", name=everybody, exact=True).wait_for()


async def test_a_day_is_chosen_and_back_restores(browser: Browser, shop: Site) -> None:
    async with visit(browser, shop) as page:
        await is_live(page)
        await page.get_by_label("As of").select_option(f"{MONTH_AGO}")
        await page.wait_for_url(f"**date={MONTH_AGO}*")
        await page.go_back()
        await page.wait_for_url(f"{shop.url}/dashboard")
        assert await page.get_by_label("As of").input_value() == ""
