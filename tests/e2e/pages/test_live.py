"""An open page follows the events, without a reload and without losing its place."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route
from redis.asyncio import Redis

from rfm_cli.processes import free_port
from rfm_common.bus import publish
from rfm_common.db import Sessions
from rfm_common.events import ForecastFinished, ImportProgress, ImportStarted, RunFinished
from rfm_common.settings import Settings
from scoring.runs.forecasts import forecast_next
from tests.e2e.conftest import Site, is_live, serve, visit
from tests.shop import CALC_DATE, add_imports, open_shop, score

LATER = CALC_DATE + timedelta(days=30)
PAGES_OF_SCORES = (
    "/dashboard/segments",
    "/dashboard/segments/champions",
    "/dashboard/customers/C0001",
    "/dashboard/clusters",
    "/dashboard/migrations",
    "/dashboard/runs",
)


async def mark(page: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    await page.evaluate("window.mark = 'still here'")


async def is_marked(page: Page) -> bool:
    return bool(await page.evaluate("window.mark === 'still here'"))


async def rescore(sessions: Sessions, redis: Redis) -> int:
    run_id = await score(sessions, LATER)
    await publish(redis, RunFinished(run_id=run_id, customers=120, clusters=5))
    return run_id


async def test_new_scores_appear_on_the_open_page(
    browser: Browser, site: Site, sessions: Sessions, redis: Redis
) -> None:
    async with visit(browser, site) as page:
        await is_live(page)
        await mark(page)
        assert "As of 30 Jun 2024" in await page.inner_text("#content")
        await rescore(sessions, redis)
        await page.get_by_text("As of 30 Jul 2024").wait_for()
        assert await is_marked(page)
        assert "compared with 30 Jun 2024" in await page.inner_text("#content")
    assert site.complaints == []


async def test_what_is_expected_appears_once_it_is_computed(
    browser: Browser, site: Site, settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    async with visit(browser, site) as page:
        await is_live(page)
        await mark(page)
        card = page.locator(".kpi", has_text="Expected in the next 90 days")
        assert "it appears here by itself" in await card.inner_text()
        assert await forecast_next(settings, sessions)
        await publish(redis, ForecastFinished(run_id=1))
        await card.get_by_text("revenue from about").wait_for()
        assert await is_marked(page)
    assert site.complaints == []


async def test_a_chart_is_redrawn_in_place(
    browser: Browser, site: Site, sessions: Sessions, redis: Redis
) -> None:
    async with visit(browser, site) as page:
        await is_live(page)
        plot = page.locator("#plot-scatter")
        await plot.scroll_into_view_if_needed()
        await plot.locator(".main-svg").first.wait_for()
        await plot.evaluate("plot => { plot.mark = 'the same element'; }")
        run_id = await rescore(sessions, redis)
        await page.locator(f"[data-chart$='scatter?run={run_id}']").wait_for()
        await page.wait_for_function(
            "document.querySelector('#plot-scatter').data?.length > 0"
            " && document.querySelector('#plot-scatter').mark === 'the same element'"
        )
    assert site.complaints == []


async def test_a_pinned_page_does_not_change_under_its_reader(
    browser: Browser, site: Site, sessions: Sessions, redis: Redis
) -> None:
    async with visit(browser, site, "/dashboard?date=2024-06-30") as page:
        await is_live(page)
        await rescore(sessions, redis)
        await page.get_by_text("Newer scores are available").wait_for()
        assert "As of 30 Jun 2024" in await page.inner_text("#content")
        await page.get_by_role("link", name="Show").click()
        await page.get_by_text("As of 30 Jul 2024").wait_for()
    assert site.complaints == []


async def test_what_happened_between_rendering_and_connecting_is_caught_up(
    browser: Browser, site: Site, sessions: Sessions, redis: Redis
) -> None:
    """The page's stream begins at the event that was the newest when the page was made."""
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()

    async def late(route: Route) -> None:
        await rescore(sessions, redis)
        await route.continue_()

    await page.route("**/events*", late, times=1)
    await page.goto(f"{site.url}/dashboard")
    assert "As of 30 Jun 2024" in await page.inner_text("#content")
    await page.get_by_text("As of 30 Jul 2024").wait_for()
    await context.close()


async def test_a_gateway_that_restarts_is_found_again(
    browser: Browser, settings: Settings, sessions: Sessions, redis: Redis, library_folder: Path
) -> None:
    await open_shop(sessions)
    port = free_port()
    async with AsyncExitStack() as stack:
        async with serve(settings, library_folder, port) as site:
            page = await stack.enter_async_context(visit(browser, site))
            await is_live(page)
            await mark(page)
        await page.locator("#live[data-state=offline]").wait_for()
        await rescore(sessions, redis)
        async with serve(settings, library_folder, port):
            await page.get_by_text("As of 30 Jul 2024").wait_for()
            await is_live(page)
            assert await is_marked(page)


async def test_a_hidden_tab_catches_up_when_it_is_looked_at_again(
    browser: Browser, site: Site, sessions: Sessions, redis: Redis
) -> None:
    async with visit(browser, site) as page:
        await is_live(page)
        await hide(page, hidden=True)
        await page.locator("#live[data-state=paused]").wait_for()
        await rescore(sessions, redis)
        await hide(page, hidden=False)
        await page.get_by_text("As of 30 Jul 2024").wait_for()
    assert site.complaints == []


async def hide(page: Page, *, hidden: bool) -> None:
    """What a browser tells the page of a tab that goes into the background or comes back."""
    await page.evaluate(
        "hidden => {"
        " Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


async def test_the_first_run_page_gives_way_to_the_first_scores(
    browser: Browser, empty_site: Site, sessions: Sessions, redis: Redis
) -> None:
    async with visit(browser, empty_site) as page:
        await is_live(page)
        assert "No orders yet" in await page.inner_text("h1")
        run_id = await open_shop(sessions)
        await publish(redis, RunFinished(run_id=run_id))
        await page.get_by_text("As of 30 Jun 2024").wait_for()
    assert empty_site.complaints == []


async def test_progress_of_an_import_is_told_by_the_event_alone(
    browser: Browser, empty_site: Site, sessions: Sessions, redis: Redis
) -> None:
    await add_imports(sessions)
    async with sessions() as session, session.begin():
        connection = await session.connection()
        await connection.exec_driver_sql(
            "INSERT INTO imports (file_name, state, size_bytes) VALUES ('big.csv', 'reading', 5000)"
        )
    async with visit(browser, empty_site, "/dashboard/imports") as page:
        await is_live(page)
        await publish(redis, ImportStarted(import_id=4, file_name="big.csv"))
        await publish(
            redis, ImportProgress(import_id=4, file_name="big.csv", rows=1200, percent=62)
        )
        await page.get_by_text("1,200 rows, 62%").wait_for()
        assert await page.locator("[data-import='4'] progress").get_attribute("max") == "100"
        assert await page.locator("[data-import='4'] progress").evaluate("bar => bar.value") == 62
    assert empty_site.complaints == []


@pytest.mark.timeout(240)  # many pages, one after the other, on one shop
async def test_new_scores_reach_every_page_of_scores(
    browser: Browser, site: Site, sessions: Sessions, redis: Redis
) -> None:
    for number, path in enumerate(PAGES_OF_SCORES):
        async with visit(browser, site, path) as page:
            await is_live(page)
            await mark(page)
            moment = LATER + timedelta(days=number)
            run_id = await score(sessions, moment)
            await publish(redis, RunFinished(run_id=run_id, customers=120, clusters=5))
            day = f"{moment:%-d %b %Y}"
            await page.locator("#content", has_text=day).wait_for()
            assert await is_marked(page), path
    assert site.complaints == []


@pytest.mark.parametrize("gap", [0.1, 0.7])
async def test_scores_that_come_while_the_page_is_being_refreshed_are_shown_too(
    browser: Browser, empty_site: Site, sessions: Sessions, redis: Redis, gap: float
) -> None:
    """Two runs end within a second of each other: the page must end with the second."""
    held = asyncio.Event()

    async def slowly(route: Route) -> None:
        answer = await route.fetch()
        await held.wait()
        await route.fulfill(response=answer)

    async with visit(browser, empty_site) as page:
        await is_live(page)
        await page.route("**/dashboard", slowly)
        async with page.expect_request("**/dashboard"):
            run_id = await open_shop(sessions)
            await publish(redis, RunFinished(run_id=run_id, customers=120, clusters=5))
        await asyncio.sleep(gap)
        await rescore(sessions, redis)
        await asyncio.sleep(0.3)
        held.set()
        await page.get_by_text("As of 30 Jul 2024").wait_for(timeout=8000)
        await page.unroute_all(behavior="wait")
    assert empty_site.complaints == []
