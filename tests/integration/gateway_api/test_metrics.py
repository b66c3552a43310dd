"""Prometheus gets figures of all services, in its own format."""

import re

LINE = re.compile(r'^[a-z_]+(\{[a-z]+="[\w-]+"\})? -?[\d.e+]+$')


async def scrape(client) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if not LINE.match(line)] == []
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_an_empty_product_has_its_figures(client) -> None:
    found = await scrape(client)
    assert found["rfm_data_version"] == found["rfm_scored_version"] == 0
    assert found["rfm_sse_clients"] == found["rfm_pending_imports"] == 0


async def test_files_rows_and_runs_are_counted(client, shop) -> None:
    found = await scrape(client)
    assert found['rfm_imports{state="quarantined"}'] == 1
    assert found['rfm_import_rows{outcome="rejected"}'] == 2
    assert found['rfm_runs{state="finished"}'] == 1
    assert found['rfm_last_run_seconds{step="load"}'] == 0.1
    await client.post("/pipeline/run")
    assert (await scrape(client))['rfm_runs{state="queued"}'] == 1


async def test_each_metric_is_explained_once(client, shop) -> None:
    text = (await client.get("/metrics")).text
    named = re.findall(r"^# HELP (\w+) ", text, re.M)
    assert sorted(set(named)) == named
    assert {
        line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"
    } == set(named)
