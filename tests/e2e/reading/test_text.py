"""What stands in a file shows as text, whatever it says: on pages, in charts, in their labels."""

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.conftest import Site, is_live, visit
from tests.e2e.reading.conftest import (
    MARKUP_ID,
    NASTY_COUNTRY,
    NASTY_CURRENCY,
    NASTY_EMAIL,
    NASTY_FILE,
    NASTY_ID,
    NASTY_ORDER,
    NASTY_STATUS,
    PAGES,
)
from tests.e2e.reading.test_pages import draw_all

pytestmark = pytest.mark.timeout(300)  # the first to come also loads the shop
SHOWN = {
    "overview": (),
    "segment": (NASTY_ID, MARKUP_ID, NASTY_EMAIL, NASTY_COUNTRY),
    "customers": (NASTY_ID, MARKUP_ID, NASTY_EMAIL, NASTY_COUNTRY),
    "customer": (NASTY_ID, NASTY_EMAIL, NASTY_COUNTRY, NASTY_ORDER, NASTY_STATUS),
    "clusters": (),
    "movers": (),
    "imports": (NASTY_FILE,),
    "import": (NASTY_FILE, NASTY_COUNTRY, NASTY_CURRENCY),
    "runs": (),
    "report": (),
}
"""What of it each page shows."""
INJECTED = (
    "img, u, details:has(> :not(summary)), svg[onload], b, [onerror], [ontoggle],"
    " a[href^='javascript'], script:not([src]):not([type='application/json'])"
)
LABELS = """async plot => {
  const found = [];
  for (const [curveNumber, trace] of plot.data.entries())
    for (const [pointNumber, text] of (trace.text ?? []).entries())
      if (String(text).includes("&lt;")) {
        window.Plotly.Fx.hover(plot, [{ curveNumber, pointNumber }]);
        await new Promise(done => setTimeout(done, 60));
        const label = plot.querySelector(".hoverlayer");
        found.push([label.textContent, label.querySelectorAll("a").length]);
      }
  return found;
}"""
"""Hovers over each mark whose text has a bracket in it: what the labels say, how many links."""


@pytest.mark.parametrize("name", SHOWN)
async def test_html_in_a_file_shows_as_text(browser: Browser, shop: Site, name: str) -> None:
    shop.complaints.clear()
    async with visit(browser, shop, PAGES[name]) as page:
        await is_live(page)
        await draw_all(page)
        words = await page.inner_text("main")
        for text in SHOWN[name]:
            assert text in words
        assert await injected(page) == []
    assert shop.complaints == []


async def injected(page: Page) -> list[str]:
    """Elements that only a file could have brought, and whether any of its scripts ran."""
    found = await page.locator(INJECTED).evaluate_all("all => all.map(item => item.outerHTML)")
    return [*found, *(["a script ran"] if await page.evaluate("'pwned' in window") else [])]


@pytest.mark.parametrize(
    ("path", "plot"),
    [
        ("/dashboard", "#plot-scatter"),
        ("/dashboard/clusters", "#plot-clusters-fm"),
        (PAGES["customer"], "#plot-orders"),
        ("/visualization/interactive", "#chart"),
    ],
)
async def test_labels_of_charts_are_text(
    browser: Browser, shop: Site, path: str, plot: str
) -> None:
    async with visit(browser, shop, path) as page:
        chart = page.locator(plot)
        await chart.scroll_into_view_if_needed()
        await chart.locator(".main-svg").first.wait_for()
        labels = await chart.evaluate(LABELS)
        assert labels
        assert any(name in words for words, _ in labels for name in (NASTY_ID, NASTY_ORDER))
        assert [links for _, links in labels if links] == []
        assert await injected(page) == []


async def test_charts_never_offer_to_send_data_away(browser: Browser, shop: Site) -> None:
    async with visit(browser, shop, "/dashboard/clusters") as page:
        await draw_all(page)
        titles = await page.locator(".modebar-btn").evaluate_all(
            "buttons => buttons.map(button => button.dataset.title)"
        )
        assert titles
        assert not [title for title in titles if "share" in title.lower() or "cloud" in title]
