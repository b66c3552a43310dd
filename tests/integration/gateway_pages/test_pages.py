"""What each page shows of a shop, in HTML as it leaves the gateway."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gateway.kit.expected import COMPUTING
from gateway.kit.guide import slug
from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from scoring.runs.forecasts import forecast_next
from tests.integration.gateway_api.conftest import served
from tests.shop import CALC_DATE, PAGES, add_orders, score

CHART_OF_RUN = re.compile(r"/charts/[\w-]+\?run=(\d+)")
ALL_PAGES = (*PAGES, "/dashboard/help", "/dashboard/connect", "/dashboard/report")


async def read(client: httpx.AsyncClient, path: str, **headers: str) -> str:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def words(html: str) -> str:
    """The text of a page, spaces made single."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("path", ALL_PAGES)
async def test_every_page_is_whole_html_without_inline_scripts(
    reader: httpx.AsyncClient, path: str
) -> None:
    html = await read(reader, path)
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert len(re.findall("<h1", html)) == 1
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL):
        assert "src=" in attributes or 'type="application/json"' in attributes
        assert not content.strip() or "json" in attributes
    assert not re.search(r'\son\w+="', html)
    assert not re.search(r'\sstyle="', html)


@pytest.mark.parametrize("path", ALL_PAGES)
async def test_ids_are_unique_and_labels_find_their_heading(
    reader: httpx.AsyncClient, path: str
) -> None:
    html = await read(reader, path)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', html)) <= set(ids)
    assert set(re.findall(r'<label for="([^"]+)"', html)) <= set(ids)


@pytest.mark.parametrize("path", ALL_PAGES)
async def test_pages_answer_before_there_is_any_data(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code in (200, 404)
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_first_run_says_where_files_go(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    html = await read(client, "/dashboard")
    assert "No orders yet" in html
    assert 'hx-post="/demo"' in html
    assert str(settings.input_dir) in html


async def test_data_that_is_not_scored_yet_is_announced(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO customers (customer_id) VALUES ('C1')")
    assert "scores are being calculated" in await read(client, "/dashboard")


async def test_the_overview_has_the_figures_of_the_api(reader: httpx.AsyncClient) -> None:
    html = await read(reader, "/dashboard")
    rows = (await reader.get("/segments")).json()["segments"]
    text = words(html)
    for row in rows:
        silent = "" if row["order_count"] else " no order in the window"
        assert f"{row['segment_name']}{silent} {row['customer_count']} " in text
    assert sum(row["customer_count"] for row in rows) == 120


async def test_the_overview_names_the_best_and_whoever_is_going_quiet(reader) -> None:
    html = await read(reader, "/dashboard")
    champions = (await reader.get("/segments/champions/customers?page_size=10")).json()["customers"]
    quiet = (await reader.get("/going-quiet?page_size=10")).json()
    assert quiet["total"] > 0
    going = {row["customer_id"] for row in quiet["customers"]}
    best = [row["customer_id"] for row in champions if row["customer_id"] not in going]
    for name in [*best[:5], *going]:
        assert html.count(f">{name}</a>") == 1
    assert "/dashboard/going-quiet" in html
    assert "/going-quiet.csv" in html
    page = await read(reader, "/dashboard/going-quiet")
    for row in quiet["customers"]:
        assert f">{row['customer_id']}</a>" in page


async def test_what_is_expected_comes_to_the_overview_once_it_is_computed(
    shop: httpx.AsyncClient, settings: Settings, sessions: Sessions
) -> None:
    html = await read(shop, "/dashboard")
    assert "Expected in the next 90 days –" in words(html)
    assert "forecast-finished from:body" in html
    assert await forecast_next(settings, sessions)
    async with sessions() as session:
        totals = (await run_sql(session, "SELECT forecast -> 'totals' FROM scoring_runs")).scalar()
    text = words(await read(shop, "/dashboard"))
    money = f"€{round(float(totals['expected_revenue_90'])):,}"
    assert f"Expected in the next 90 days {money} revenue from about" in text
    assert "all countries together only" in words(await read(shop, "/dashboard?country=FR"))


async def test_segments_are_listed_by_what_is_expected_of_them(
    shop: httpx.AsyncClient, settings: Settings, sessions: Sessions
) -> None:
    assert COMPUTING in words(await read(shop, "/dashboard/segments"))
    assert await forecast_next(settings, sessions)
    html = await read(shop, "/dashboard/segments")
    card = html[html.index("By value to come") : html.index('class="tiles"')]
    rows = (await shop.get("/segments")).json()["segments"]
    rows.sort(key=lambda row: -row["expected_revenue_90"])
    shown = re.findall(r'href="/dashboard/segments/([\w-]+)"', card)
    assert shown == [slug(row["segment_name"]) for row in rows]
    page = words(await read(shop, f"/dashboard/segments/{shown[0]}"))
    assert f"Expected, next 90 days €{round(rows[0]['expected_revenue_90']):,} everybody" in page


async def test_grid_cells_lead_to_exactly_their_customers(reader: httpx.AsyncClient) -> None:
    html = await read(reader, "/dashboard")
    cells = re.findall(r'href="(/dashboard/customers\?r_score=[^"]+)">(\d+)<', html)
    assert sum(int(count) for _, count in cells) == 120
    for url, count in cells[:6]:
        found = await read(reader, url.replace("&amp;", "&"))
        assert re.search(rf">{count} customers?</h2>", found), url


async def test_change_is_measured_from_the_chosen_day(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    await score(sessions, CALC_DATE + timedelta(days=30))
    await score(sessions, CALC_DATE + timedelta(days=60))
    newest = words(await read(shop, "/dashboard"))
    assert "As of 29 Aug 2024" in newest
    assert "compared with 30 Jul 2024" in newest
    other = words(await read(shop, "/dashboard?compare=2024-06-30"))
    assert "compared with 30 Jun 2024" in other
    pinned = await read(shop, "/dashboard?date=2024-06-30")
    assert "As of 30 Jun 2024" in words(pinned)
    assert 'hx-select="#content"' not in pinned, "a pinned page does not refresh itself"


async def test_a_day_that_was_scored_again_is_not_shown_from_memory(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    paths = ("/dashboard", "/dashboard?country=FR", "/dashboard/segments")
    before = [words(await read(shop, path)) for path in paths]
    assert all("Champions" in page for page in before)
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM orders")
        await run_sql(session, "UPDATE customers SET country = 'FR' WHERE country = 'DE'")
        query = "SELECT count(*) FROM customers WHERE country = 'FR'"
        french = (await run_sql(session, query)).scalar()
    await score(sessions)
    everybody, country, segments = [words(await read(shop, path)) for path in paths]
    assert "of 120 customers ordered" in everybody
    assert f"of {french} customers ordered" in country
    for page in (everybody, country, segments):
        assert "Lost" in page
        assert "Champions" not in page
    assert "<option>DE" not in await read(shop, "/dashboard")


async def test_figures_follow_the_language_of_the_browser(reader: httpx.AsyncClient) -> None:
    german = await read(reader, "/dashboard", **{"Accept-Language": "de-DE,de;q=0.9"})
    british = await read(reader, "/dashboard")
    assert re.search(r"[\d.]+\s€", german)
    assert "30.06.2024" in german
    assert re.search(r"€[\d,]+", british)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/dashboard?date=2020-01-01", 404, "No scores for that date"),
        ("/dashboard?date=tomorrow", 400, "not a date like"),
        ("/dashboard/segments/nobodies", 404, "there are: "),
        ("/dashboard/customers/C9999", 404, "no customer"),
        ("/dashboard/customers?r_score=6", 400, "r_score"),
        ("/dashboard/customers?page=0", 400, "page"),
        ("/dashboard/customers?min_buys_again_90=50", 400, "min_buys_again_90"),
        ("/dashboard/imports/99", 404, "no import 99"),
        ("/dashboard/imports?page=x", 400, "page"),
        ("/dashboard/runs/99999999999", 404, "no run"),
        ("/dashboard/clusters?run=77", 404, "no run 77"),
    ],
)
async def test_what_is_wrong_is_said_on_a_page(
    reader: httpx.AsyncClient, path: str, status: int, says: str
) -> None:
    answer = await reader.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert says in words(answer.text).replace("&#39;", "'")


async def test_customers_are_found_filtered_and_sorted(reader: httpx.AsyncClient) -> None:
    html = await read(reader, "/dashboard/customers?q=customer7%40&sort=customer_id")
    assert re.findall(r'href="/dashboard/customers/(C\d+)"', html) == ["C0007"]
    html = await read(reader, "/dashboard/customers?sort=-monetary")
    shown = re.findall(r'href="/dashboard/customers/(C\d+)"', html)
    best = (await reader.get("/customers?sort=-monetary&page_size=50")).json()["customers"]
    assert shown == [row["customer_id"] for row in best]
    assert 'rel="next"' in html


@pytest.mark.parametrize("text", ["customer", "example"], ids=["a beginning", "a part"])
async def test_more_than_anybody_reads_are_not_counted(
    shop: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """The first letters of a search fit everybody; the page comes before they are counted."""
    monkeypatch.setattr("gateway.customers.search.MANY", 110)
    monkeypatch.setattr("gateway.customers.lists.MANY", 110)
    path, found = f"/dashboard/customers?q={text}&sort=customer_id", []
    for page in (1, 2, 3):
        html = await read(shop, f"{path}&page={page}")
        found += re.findall(r'href="/dashboard/customers/(C\d+)"', html)
        assert ">more than 110 customers</h2>" in html
        assert ('rel="next"' in html) == (page < 3)
    everybody = (await shop.get(f"/customers?q={text}&page_size=200")).json()
    assert found == [row["customer_id"] for row in everybody["customers"]]
    assert everybody["total"] == 120, "the API counts all the same"


async def test_lists_show_what_is_expected_in_its_order_and_between_bounds(
    shop: httpx.AsyncClient, settings: Settings, sessions: Sessions
) -> None:
    assert await forecast_next(settings, sessions)
    html = await read(shop, "/dashboard/customers?sort=-expected_revenue_90&min_overdue=0.5")
    asked = {"sort": "-expected_revenue_90", "min_overdue": 0.5, "page_size": 50}
    found = (await shop.get("/customers", params=asked)).json()
    assert re.findall(r'href="/dashboard/customers/(C\d+)"', html) == [
        row["customer_id"] for row in found["customers"]
    ]
    assert f">{found['total']} customers</h2>" in html
    assert "Overdue from 0.5 times" in words(html)
    assert f">{found['customers'][0]['overdue']:.1f} ×</td>" in html
    assert "being computed" not in html
    segment = words(await read(shop, "/dashboard/segments/champions"))
    for heading in ("Expected revenue (90 days)", "Chance to buy again", "Overdue"):
        assert heading in words(html)
        assert heading in segment


@pytest.mark.parametrize("asked", ["sort=-overdue", "min_buys_again_90=0.5", "max_overdue=3"])
async def test_a_list_that_waits_for_figures_says_so_and_comes_by_itself(
    shop: httpx.AsyncClient, settings: Settings, sessions: Sessions, asked: str
) -> None:
    path = f"/dashboard/customers?{asked}"
    html = await read(shop, path)
    assert "will appear here by itself" in words(html)
    assert "forecast-finished from:body" in html
    assert not re.findall(r'href="/dashboard/customers/C\d+"', html), "never in another order"
    everybody = await read(shop, "/dashboard/customers")
    assert "will appear here by itself" in words(everybody)
    assert re.findall(r'href="/dashboard/customers/C\d+"', everybody)
    assert await forecast_next(settings, sessions)
    html = await read(shop, path)
    assert "being computed" not in html
    assert "forecast-finished from:body" not in html
    assert re.findall(r'href="/dashboard/customers/C\d+"', html)


async def test_empty_fields_of_a_form_do_not_narrow(reader: httpx.AsyncClient) -> None:
    html = await read(reader, "/dashboard/customers?q=&segment=&country=&date=&min_overdue=")
    assert ">120 customers</h2>" in html


async def test_a_customer_s_orders_are_told_apart(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM orders WHERE customer_id = 'C0001'")
        await run_sql(
            session,
            "INSERT INTO orders VALUES ('A', 'C0001', '2024-06-01Z', 12.50, 'USD', 'completed'),"
            " ('B', 'C0001', '2024-06-02Z', 99, 'EUR', 'cancelled'),"
            " ('C', 'C0001', '2020-06-02Z', 7, 'EUR', 'completed')",
        )
    text = words(await read(shop, "/dashboard/customers/C0001"))
    counted, others = text.split("Orders that do not count")
    assert "A 1 Jun 2024 completed US$12.50" in counted
    assert "B 2 Jun 2024 cancelled €99.00" in others
    assert "C 2 Jun 2020 completed €7.00" in others


async def test_rejected_rows_are_grouped_and_listed(reader: httpx.AsyncClient) -> None:
    html = await read(reader, "/dashboard/imports/2")
    text = words(html)
    assert "amount not a number" in text
    assert "first in line 14" in text
    assert "O14,C0001,2024-01-01,abc" in text
    assert "/imports/2/rejects.csv" in html


async def test_a_refused_file_says_why(reader: httpx.AsyncClient) -> None:
    html = await read(reader, "/dashboard/imports/3")
    assert "Byte 3 is not text in any known encoding." in html
    assert '<a href="#again">Drop it again</a>' in html


async def test_open_runs_show_their_steps(shop: httpx.AsyncClient, sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "INSERT INTO scoring_runs (state, trigger, window_days, engine, progress) VALUES"
            " ('running', 'api', 365, 'local', '{\"step\": \"scores\", \"step_number\": 3,"
            ' "steps": 6, "percent": 40}\')',
        )
    text = words(await read(shop, "/dashboard/runs"))
    assert re.search(r"✓ load : done .*✓ features : done .*◐ scores : doing .*○ clusters", text)
    assert "step 3 of 6: scores" in words(await read(shop, "/dashboard"))


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
async def test_a_run_that_has_no_results_yet_has_a_page(
    shop: httpx.AsyncClient, sessions: Sessions, state: str
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "INSERT INTO scoring_runs (state, trigger, window_days, engine, error, finished_at)"
            " VALUES (:state, 'api', 90, 'local', 'the disk is full', now())",
            state=state,
        )
    for path in ("/dashboard", "/dashboard/runs", "/dashboard/runs/2"):
        assert state in words(await read(shop, path)).lower()
    assert "the disk is full" in await read(shop, "/dashboard/runs/2")


async def test_migrations_need_two_snapshots(shop: httpx.AsyncClient, sessions: Sessions) -> None:
    assert "One snapshot so far" in await read(shop, "/dashboard/migrations")
    await score(sessions, CALC_DATE + timedelta(days=90))
    text = words(await read(shop, "/dashboard/migrations?movers=1"))
    flows = (await shop.get("/migrations")).json()["flows"]
    stayed = sum(flow["customers"] for flow in flows if flow["cause"] == "stayed")
    assert f"Stayed {stayed}" in text
    assert "The most valuable who moved" in text


async def test_flows_are_a_matrix_or_a_sankey_and_lead_to_their_customers(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    await score(sessions, CALC_DATE + timedelta(days=90))
    flows = (await shop.get("/migrations")).json()["flows"]
    way = next(flow for flow in flows if flow["from_segment"] != flow["to_segment"])
    html = await read(shop, "/dashboard/migrations?view=sankey")
    assert html.count('<path class="ribbon') == len(flows)
    assert "/migrations.csv?from=2024-06-30&amp;to=2024-09-28" in html
    query = {"source": way["from_segment"], "target": way["to_segment"], "movers": "1"}
    answer = await shop.get("/dashboard/migrations", params=query)
    listed = set(re.findall(r"/dashboard/customers/(C\d+)", answer.text))
    assert len(listed) == min(way["customers"], 50)
    by_money = words(await read(shop, "/dashboard/migrations?measure=revenue"))
    assert "Revenue is from the later snapshot" in by_money
    assert (await shop.get("/dashboard/migrations?view=pie")).status_code == 400


async def test_charts_are_json_of_one_run(reader: httpx.AsyncClient) -> None:
    for name in (
        "scatter",
        "trend",
        "clusters-fm",
        "clusters-rf",
        "clusters-rm",
        "clusters-3d",
        "snake",
        "sweep",
    ):
        answer = await reader.get(f"/dashboard/charts/{name}?run=1")
        assert answer.status_code == 200
        assert set(answer.json()) == {"data", "layout"}, name
    sample = (await reader.get("/dashboard/charts/scatter?run=1")).json()["data"]
    with_orders = (await reader.get("/health")).json()["total_customers"]
    assert 0 < sum(len(trace["x"]) for trace in sample) <= with_orders
    for wrong in ("scatter?run=99", "pie?run=1"):
        assert (await reader.get(f"/dashboard/charts/{wrong}")).status_code == 404
    assert (await reader.get("/dashboard/customers/C0001/timeline?run=1")).status_code == 200


async def test_demo_data_is_marked_and_can_be_removed(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    assert "Demo data." not in await read(shop, "/dashboard")
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET is_demo = true WHERE import_id = 1")
    html = await read(shop, "/dashboard")
    assert "Demo data." in html
    assert 'hx-delete="/demo"' in html


async def test_pages_work_while_redis_is_away(settings: Settings, sessions: Sessions) -> None:
    await add_orders(sessions)
    await score(sessions)
    away = settings.model_copy(
        update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1/0"), "cdn": "off"}
    )
    async with served(away) as client:
        html = await read(client, "/dashboard")
        assert 'hx-sse:connect="/events?since=0-0"' in html  # it will be told to load anew
        assert "As of 30 Jun 2024" in words(html)


async def test_a_vendor_file_that_is_none_of_ours_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/vendor/jquery.js")).status_code == 404
    assert (await client.get("/vendor/..%2Fpassword")).status_code == 404


async def test_plotly_is_served_compressed_even_without_a_fetched_copy(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/vendor/plotly.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert b"plotly" in answer.content[:500].lower()


async def test_the_clusters_are_shown_in_real_units_and_by_segment(
    reader: httpx.AsyncClient,
) -> None:
    html = await read(reader, "/dashboard/clusters")
    text = words(html)
    run = (await reader.get("/runs/1")).json()
    for cluster in run["metrics"]["clusters"]:
        assert f"Cluster {cluster['cluster_id']} " in text
    assert text.count("chosen") == 2  # a caption and a row of the sweep
    assert "one cluster holds 70% of the customers" in text
    assert "no order" in text  # of those who did not come in the window, no mean recency is told
    assert 'data-bundle="plotly-gl3d"' not in html
    assert 'data-bundle="plotly-gl3d"' in await read(reader, "/dashboard/clusters?view=3d")


async def test_a_preview_says_that_it_is_one_and_how_to_publish_it(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "INSERT INTO scoring_runs (state, trigger, calc_date, window_days, k, engine,"
            " parameters, metrics) SELECT 'finished', 'api', calc_date, window_days, 5, engine,"
            " parameters || '{\"preview\": true}', metrics FROM scoring_runs WHERE run_id = 1",
        )
    html = await read(shop, "/dashboard/clusters?run=2")
    assert "A preview with 5 clusters." in html
    assert 'data-then="/dashboard/clusters"' in html
    assert "A preview" not in await read(shop, "/dashboard/clusters")
    assert "published nothing" in words(await read(shop, "/dashboard/runs/2"))
    assert "preview" in words(await read(shop, "/dashboard/runs"))


async def test_news_lead_back_to_the_same_filters_and_to_our_own_pages_only(
    reader: httpx.AsyncClient,
) -> None:
    html = await read(reader, "/dashboard/customers?country=DE&date=2024-06-30")
    [back] = re.findall(r"/p/news\?run=1&amp;back=([^\"]+)", html)
    answer = await reader.get(f"/dashboard/p/news?run=7&back={back}")
    assert 'href="/dashboard/customers?country=DE"' in answer.text
    for bad in ("//elsewhere.example", "/dashboardx", "javascript:alert(1)", "https://x"):
        answer = await reader.get("/dashboard/p/news", params={"run": 7, "back": bad})
        assert answer.status_code == 400


async def test_a_country_narrows_figures_grid_and_charts(reader: httpx.AsyncClient) -> None:
    rows = (await reader.get("/countries", params={"country": "DE"})).json()["countries"]
    total = sum(row["customer_count"] for row in rows)
    html = await read(reader, "/dashboard?country=DE")
    text = words(html)
    assert "customers in DE" in text
    assert f"of {total} customers ordered" in text
    grid = html.partition('<table class="grid">')[2].partition("</table>")[0]
    cells = re.findall(r"customers\?r_score=\d&amp;fm_score=\d&amp;country=DE\">(\d+)", grid)
    assert sum(map(int, cells)) == total
    assert "/countries.csv?country=DE" in html
    trend = (await reader.get("/dashboard/charts/trend?run=1&country=DE")).json()
    assert sum(trace["y"][0] for trace in trend["data"]) == pytest.approx(1)
    everyone, some = [
        sum(len(trace["x"]) for trace in (await reader.get(url)).json()["data"])
        for url in ("/dashboard/charts/scatter?run=1", "/dashboard/charts/scatter?run=1&country=DE")
    ]
    assert 0 < some < everyone
    assert "of 0 customers ordered" in words(await read(reader, "/dashboard?country=nowhere"))


async def test_a_segment_has_its_countries_and_its_centre(reader: httpx.AsyncClient) -> None:
    rows = (await reader.get("/countries?segment=champions")).json()["countries"]
    assert {row["segment_name"] for row in rows} == {"Champions"}
    assert (
        sum(row["customer_count"] for row in rows)
        == (await reader.get("/segments/champions/customers")).json()["total"]
    )
    text = words(await read(reader, "/dashboard/segments/champions"))
    assert "Centre of cluster 0" in text
    assert "standard deviations" in text
    assert "no order in the window" not in text
    assert "no order in the window" in words(await read(reader, "/dashboard/segments/lost"))


async def test_days_with_others_between_them_have_flows_on_their_own_page(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    for days in (30, 60):
        await score(sessions, CALC_DATE + timedelta(days=days))
    html = await read(shop, "/dashboard?compare=2024-06-30")
    assert "No customer changed segment" not in html
    assert "/dashboard/migrations?from=2024-06-30&amp;to=2024-08-29" in html


async def test_rejected_rows_are_narrowed_to_one_reason(reader: httpx.AsyncClient) -> None:
    html = await read(reader, "/dashboard/imports/2")
    assert "Fix it and drop it again" in html
    [link] = re.findall(r'href="([^"]+)#rejects">amount not a number', html)
    narrowed = await read(reader, link)
    table = narrowed.partition("Original row")[2].partition("</table>")[0]
    assert "O14" in table
    assert "O15" not in table
    assert (await reader.get("/dashboard/imports/2?group=else")).status_code == 404
    assert "Nothing was imported" in await read(reader, "/dashboard/imports/3")


async def test_pages_and_api_agree_on_the_newest_snapshot(
    shop: httpx.AsyncClient, sessions: Sessions
) -> None:
    """One of a day to come is not the newest, however it came about."""
    await score(sessions, datetime(2099, 12, 31, tzinfo=UTC))
    newest = (await shop.get("/segments")).json()["run_id"]
    for path in ("/dashboard", "/dashboard/clusters"):
        assert set(CHART_OF_RUN.findall(await read(shop, path))) == {str(newest)}, path
    for path in ("/dashboard/segments", "/dashboard/customers/C0001", "/dashboard/report"):
        assert "30 Jun 2024" in words(await read(shop, path)), path
