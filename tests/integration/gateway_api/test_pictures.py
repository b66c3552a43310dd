"""Charts: readable pictures that say what they show, and pages that need no other server."""

import json
import re
import struct

import pytest

from rfm_common.db import run_sql

PLOTS = ["frequency_monetary", "recency_frequency", "recency_monetary"]


def png_size(content: bytes) -> tuple[int, int]:
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.parametrize("plot_type", PLOTS)
async def test_a_plot_is_a_picture_and_the_same_each_time(reader, plot_type) -> None:
    first = await reader.get("/visualization/plot", params={"plot_type": plot_type})
    assert first.headers["content-type"] == "image/png"
    width, height = png_size(first.content)
    assert width >= 1000
    assert height >= 600
    again = await reader.get("/visualization/plot", params={"plot_type": plot_type})
    assert again.content == first.content
    etag = {"If-None-Match": first.headers["etag"]}
    answer = await reader.get("/visualization/plot", params={"plot_type": plot_type}, headers=etag)
    assert answer.status_code == 304


async def test_the_plots_differ(reader) -> None:
    contents = {
        (await reader.get("/visualization/plot", params={"plot_type": plot})).content
        for plot in PLOTS
    }
    assert len(contents) == 3


async def test_an_unknown_plot_is_refused_by_name(reader) -> None:
    answer = await reader.get("/visualization/plot", params={"plot_type": "pie"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "plot_type"


def figure_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="figure">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


async def test_the_interactive_page_holds_the_customers_of_the_sample(reader) -> None:
    page = await reader.get("/visualization/interactive", params={"plot_type": PLOTS[1]})
    assert page.headers["content-type"].startswith("text/html")
    figure = figure_of(page.text)
    active = (await reader.get("/runs/1")).json()["summary"]["active_customers"]
    assert sum(len(trace["text"]) for trace in figure["data"]) == active
    assert {trace["type"] for trace in figure["data"]} == {"scatter"}
    assert "all 120 customers" in figure["layout"]["title"]["subtitle"]["text"]


async def test_the_page_in_space_has_three_axes(reader) -> None:
    figure = figure_of((await reader.get("/visualization/3d")).text)
    assert {trace["type"] for trace in figure["data"]} == {"scatter3d"}
    assert {"xaxis", "yaxis", "zaxis"} <= figure["layout"]["scene"].keys()


async def test_a_sample_says_that_it_is_one(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM run_samples WHERE customer_id > 'C0050'")
    figure = figure_of((await client.get("/visualization/3d")).text)
    assert "a sample of 50 of 120 customers" in figure["layout"]["title"]["subtitle"]["text"]


async def test_an_id_with_markup_stays_text(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "UPDATE run_samples SET customer_id = '</script><script>alert(1)</script>',"
            " frequency = 1, monetary = 9 WHERE customer_id = 'C0001'",
        )
    page = (await client.get("/visualization/interactive")).text
    assert "<script>alert" not in page
    texts = [text for trace in figure_of(page)["data"] for text in trace["text"]]
    assert any("&lt;script&gt;alert(1)" in text for text in texts)


async def test_plotly_comes_from_the_gateway_when_there_is_no_cdn(reader) -> None:
    page = (await reader.get("/visualization/3d")).text
    assert "https://" not in page.replace("http://www.w3.org", "")
    local = re.search(r'data-local="([^"]+)"', page)
    script = await reader.get(local[1])
    assert script.headers["content-type"].startswith("text/javascript")
    assert "plotly.js v" in script.text[:500]
    assert (await reader.get("/static/visualization.js")).status_code == 200


async def test_a_shop_without_scores_has_no_pictures(client) -> None:
    for path in ("/visualization/plot", "/visualization/interactive", "/visualization/3d"):
        assert (await client.get(path)).status_code == 404
