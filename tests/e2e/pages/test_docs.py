"""The page of the API works on a machine without internet."""

from urllib.parse import urlsplit

from playwright.async_api import Route

from tests.e2e.conftest import visit


async def test_an_operation_unfolds_with_every_other_host_blocked(browser, site) -> None:
    asked: list[str] = []

    async def only_here(route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(site.url).netloc:
            await route.continue_()
        else:
            asked.append(route.request.url)
            await route.abort()

    async with visit(browser, site, "/dashboard") as page:
        await page.context.route("**/*", only_here)
        await page.goto(f"{site.url}/docs", wait_until="load")
        operation = page.locator(".opblock", has_text="The segments of a snapshot").first
        await operation.locator(".opblock-summary-control").click()
        await operation.get_by_text("One row per segment and cluster").wait_for()
        await operation.get_by_role("button", name="Execute").click()
        await operation.get_by_text('"segment_name": "Champions"').first.wait_for()
    assert asked == []
    assert site.complaints == []
