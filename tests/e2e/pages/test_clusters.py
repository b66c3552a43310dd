"""The clusters page: turning the space, and looking at another number before it counts."""

from playwright.async_api import Browser, expect

from rfm_common.db import Sessions, run_sql
from tests.e2e.conftest import Site, is_live, visit

FINISH = """
UPDATE scoring_runs SET state = 'finished', calc_date = old.calc_date, k = 4,
       metrics = old.metrics, finished_at = now()
FROM (SELECT calc_date, metrics FROM scoring_runs WHERE run_id = 1) AS old
WHERE state = 'queued' RETURNING run_id, parameters"""


async def test_space_is_drawn_beside_the_other_charts_in_any_theme(
    browser: Browser, site: Site
) -> None:
    """Two bundles of Plotly live on one page, and neither needs more than the content policy."""
    async with visit(browser, site, "/dashboard/clusters") as page:
        await page.locator("#plot-sweep .main-svg").first.wait_for()
        await page.get_by_role("link", name="3-D").click()
        await page.locator("#plot-clusters-3d canvas").wait_for()
        await page.locator("#plot-snake .main-svg").first.wait_for()
        await page.locator("#theme").click()
        await page.locator("#theme").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.locator("#plot-clusters-3d canvas").wait_for()
        assert not await page.locator(".modebar-btn[data-title*='hare']").count()
        assert not await page.locator(".failed").count()
    assert site.complaints == []


async def test_a_preview_is_followed_to_its_clusters_and_published_from_there(
    browser: Browser, site: Site, sessions: Sessions
) -> None:
    async with visit(browser, site, "/dashboard/clusters") as page:
        await is_live(page)
        await page.get_by_label("Try another number").select_option("4")
        await page.get_by_role("button", name="Preview").click()
        await page.get_by_role("progressbar").wait_for()
        run_id, asked = await finish(sessions)
        await page.wait_for_url(f"**/clusters?run={run_id}")
        assert (asked["k"], asked["preview"]) == (4, True)
        await expect(page.get_by_text("Nothing has changed")).to_be_visible()
        await page.get_by_role("button", name="Publish").click()
        await page.get_by_role("progressbar").wait_for()
        _, again = await finish(sessions)
        await page.wait_for_url("**/dashboard/clusters")
        assert again == {name: value for name, value in asked.items() if name != "preview"}
    assert site.complaints == []


async def finish(sessions: Sessions) -> tuple[int, dict]:
    """Let the run that waits be done, as the worker would; its id and parameters."""
    async with sessions() as session, session.begin():
        row = (await run_sql(session, FINISH)).one()
        return row.run_id, row.parameters
