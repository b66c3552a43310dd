"""How many bytes a page costs: the bodies on the wire, compressed as a browser asks for them."""

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.conftest import Site, is_live, visit
from tests.e2e.reading.conftest import PAGES

pytestmark = pytest.mark.timeout(300)  # the first to come also loads the shop
PHONE = {"width": 390, "height": 844}
FIRST_LOAD = 40 * 1024
CHART_CODE = 500 * 1024


class Scale:
    """Sums what a page receives, by what it is; the open stream of events never ends."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self._urls: dict[str, str] = {}

    async def put_under(self, page: Page) -> None:
        client = await page.context.new_cdp_session(page)
        client.on("Network.responseReceived", self._begun)
        client.on("Network.dataReceived", self._received)
        await client.send("Network.enable")

    def _begun(self, event) -> None:
        self._urls[event["requestId"]] = event["response"]["url"]

    def _received(self, event) -> None:
        url = self._urls[event["requestId"]]
        self.bytes[url] = self.bytes.get(url, 0) + int(event["encodedDataLength"])

    @property
    def chart_code(self) -> int:
        return sum(size for url, size in self.bytes.items() if "plotly" in url)

    @property
    def everything_else(self) -> int:
        return sum(self.bytes.values()) - self.chart_code


@pytest.mark.parametrize("name", ["overview", "segment", "customers", "imports"])
async def test_the_first_load_is_light(browser: Browser, shop: Site, name: str) -> None:
    """With everything that makes it live; and no chart's code before a chart is in view."""
    scale = Scale()
    async with visit(browser, shop, "/dashboard/p/jobs", viewport=PHONE) as page:
        await scale.put_under(page)
        await page.goto(f"{shop.url}{PAGES[name]}")
        await is_live(page)
        await page.wait_for_function("window.htmx !== undefined")
    assert scale.chart_code == 0
    assert 0 < scale.everything_else <= FIRST_LOAD, scale.bytes


async def test_the_code_of_charts_comes_with_the_first_chart_in_view(
    browser: Browser, shop: Site
) -> None:
    scale = Scale()
    async with visit(browser, shop, "/dashboard/p/jobs", viewport=PHONE) as page:
        await scale.put_under(page)
        await page.goto(f"{shop.url}/dashboard")
        await is_live(page)
        plot = page.locator("#plot-scatter")
        await plot.scroll_into_view_if_needed()
        await plot.locator(".main-svg").first.wait_for()
    assert 0 < scale.chart_code <= CHART_CODE, scale.bytes
