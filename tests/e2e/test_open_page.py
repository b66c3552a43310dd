"""An open page follows the files that drop.

In a module of its own, because two products cannot share the Redis of the tests.
"""

from pathlib import Path

from playwright.async_api import Browser

from rfm_common.settings import Settings
from tests.e2e.conftest import Site, is_live, visit
from tests.e2e.test_drop import customers_csv, orders_csv
from tests.running import drop, product


async def test_an_open_dashboard_follows_without_a_reload(
    settings: Settings, browser: Browser, library_folder: Path
) -> None:
    local = {"RFM_STATE_DIR": str(library_folder), "RFM_CDN": "off"}
    async with product(settings, **local) as client:
        site = Site(str(client.base_url).rstrip("/"), settings)
        async with visit(browser, site) as page:
            await is_live(page)
            await page.evaluate("window.thisVeryPage = true")
            drop(settings.input_dir, "customers.csv", customers_csv())
            drop(settings.input_dir, "orders.csv", orders_csv())
            await page.get_by_role("row", name="Champions").first.wait_for()

            drop(settings.input_dir, "orders-2.csv", orders_csv(seed=8, first=1001, count=50))
            await page.get_by_text("orders-2.csv").first.wait_for()
            assert await page.evaluate("window.thisVeryPage") is True
        assert site.complaints == []
