"""What a visitor can do: upload by button and by drop, ask for a run, call it off, copy a call."""

from pathlib import Path

from playwright.async_api import Browser

from tests.e2e.conftest import Site, is_live, visit

ORDERS = "order_id,customer_id,order_date,order_amount,currency,status\n"


async def test_chosen_files_arrive_in_the_watched_folder(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text(ORDERS)
    async with visit(browser, site, "/dashboard/imports") as page:
        await page.locator("#files").set_input_files([tmp_path / "one.csv", tmp_path / "two.csv"])
        await page.get_by_text("one.csv, two.csv: received").wait_for()
    found = {path.name for path in site.settings.input_dir.iterdir() if path.is_file()}
    assert {"one.csv", "two.csv"} <= found
    assert site.complaints == []


async def test_dropped_files_arrive_too(browser: Browser, empty_site: Site) -> None:
    async with visit(browser, empty_site) as page:
        dropped = await page.evaluate_handle(
            "text => { const all = new DataTransfer();"
            " all.items.add(new File([text], 'dropped.csv', {type: 'text/csv'})); return all; }",
            ORDERS,
        )
        await page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
        await page.get_by_text("dropped.csv: received").wait_for()
    assert (empty_site.settings.input_dir / "dropped.csv").read_text() == ORDERS
    assert empty_site.complaints == []


async def test_a_run_is_asked_for_and_called_off(browser: Browser, site: Site) -> None:
    async with visit(browser, site, "/dashboard/runs") as page:
        await is_live(page)
        await page.get_by_label("Days to look back").fill("90")
        await page.get_by_label("Clusters").select_option("auto")
        await page.get_by_role("button", name="Rescore").click()
        await page.get_by_role("heading", name="Run 2").wait_for()
        asked = await page.request.get(f"{site.url}/runs/2")
        assert (await asked.json())["parameters"]["preview"]
        await page.get_by_role("button", name="Cancel").click()
        await page.get_by_text("Run 2 is cancelled").wait_for()
    assert site.complaints == []


async def test_a_run_that_cannot_be_is_refused_in_words(browser: Browser, site: Site) -> None:
    async with visit(browser, site, "/dashboard/runs") as page:
        await page.locator("#window_days").evaluate("field => field.removeAttribute('max')")
        await page.locator("#window_days").fill("99999")
        await page.get_by_role("button", name="Rescore").click()
        await page.locator("[data-calculate] .notice.err").wait_for()


async def test_a_table_can_be_had_as_a_call(browser: Browser, site: Site) -> None:
    async with visit(browser, site, "/dashboard/customers?q=C00") as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.get_by_role("button", name="Copy as curl").click()
        await page.get_by_text("Copied").wait_for()
        copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl '{site.url}/customers?q=C00&")


async def test_a_snippet_is_copied_as_it_stands(browser: Browser, site: Site) -> None:
    async with visit(browser, site, "/dashboard/connect") as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.get_by_role("button", name="Copy Shopify").click()
        await page.get_by_text("Copied").wait_for()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == await page.locator("#shopify").text_content()
    assert f'"{site.url}/imports"' in copied


async def test_keys_go_places_until_they_are_switched_off(browser: Browser, site: Site) -> None:
    async with visit(browser, site) as page:
        await page.keyboard.press("g")
        await page.keyboard.press("c")
        await page.wait_for_url("**/dashboard/customers")
        await page.keyboard.press("/")
        await page.keyboard.type("gr?")
        assert await page.get_by_label("Id or e-mail contains").input_value() == "gr?"
        await page.goto(f"{site.url}/dashboard/help")
        await page.locator("#keys-on").uncheck()
        await page.keyboard.press("Tab")
        await page.keyboard.press("g")
        await page.keyboard.press("o")
        assert page.url.endswith("/dashboard/help")
