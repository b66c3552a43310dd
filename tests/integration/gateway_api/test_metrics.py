"""Prometheus gets figures of all services, in its own format; HEAD is a GET without the body."""

import asyncio
import re

import pytest

from rfm_cli.processes import free_port
from rfm_common import __version__
from rfm_common.beats import beating
from rfm_common.db import run_sql

LABEL = r'[a-z]+="[\w./{}:+ -]+"'
LINE = re.compile(rf"^[a-z_]+(\{{{LABEL}(,{LABEL})*\}})? -?[\d.e+-]+$")


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
    assert found["rfm_version_lag"] == found["rfm_version_lag_seconds"] == 0
    assert found["rfm_database_up"] == 1
    assert found['rfm_service_up{service="ingest"}'] == 0
    assert found[f'rfm_build_info{{version="{__version__}"}}'] == 1


async def test_only_what_never_shrinks_is_a_counter(client, shop) -> None:
    text = (await client.get("/metrics")).text
    counters = set(re.findall(r"^# TYPE (\w+) counter$", text, re.M))
    assert counters == {"rfm_import_rows_total"}  # no process of a service lives here
    assert "rfm_service_cpu_seconds" not in text


async def test_each_application_counts_its_own_requests(settings, api) -> None:
    for _ in range(2):
        async with api(settings) as client:
            await client.get("/health")
            found = await scrape(client)
        count = 'rfm_http_request_seconds_count{method="GET",route="/health",status="200"}'
        assert found[count] == 1


async def test_files_rows_and_runs_are_counted(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, """
            UPDATE imports SET notes = '{"seconds": {"key": 0.25, "read and copy": 1.75}}'
            WHERE state = 'loaded_with_rejects'
            """)  # fmt: skip
        await run_sql(session, "UPDATE data_state SET data_version = scored_version + 2,"
                      " changed_at = now() - interval '1 minute'")  # fmt: skip
    found = await scrape(client)
    assert found['rfm_imports{state="quarantined"}'] == 1
    assert found['rfm_import_rows_total{outcome="rejected"}'] == 2
    assert found['rfm_runs{state="finished"}'] == 1
    assert found['rfm_last_run_seconds{step="load"}'] == 0.1
    assert found['rfm_last_import_seconds{step="read and copy"}'] == 1.75
    assert found["rfm_last_import_rows_per_second"] == 702 / 2
    assert found["rfm_version_lag"] == 2
    assert found["rfm_version_lag_seconds"] >= 60
    await client.post("/pipeline/run")
    assert (await scrape(client))['rfm_runs{state="queued"}'] == 1


async def test_each_metric_is_explained_once(client, shop) -> None:
    await client.get("/health")
    text = (await client.get("/metrics")).text
    named = re.findall(r"^# HELP (\w+) ", text, re.M)
    assert len(set(named)) == len(named)
    families = {
        re.sub("_(bucket|sum|count)$", "", re.split("[{ ]", line)[0])
        for line in text.splitlines() if line[0] != "#"
    }  # fmt: skip
    assert families == set(named)


async def test_processes_show_signs_of_life(client, sessions) -> None:
    async with beating(sessions, "ingest"):
        async with asyncio.timeout(60):
            while (await scrape(client)).get('rfm_service_up{service="ingest"}') != 1:
                await asyncio.sleep(0.05)
        found = await scrape(client)
        assert found['rfm_service_resident_bytes{service="ingest"}'] > 2**20
        assert found['rfm_service_heartbeat_seconds{service="ingest"}'] < 30
        assert found['rfm_service_cpu_seconds_total{service="ingest"}'] > 0
    assert (await scrape(client))['rfm_service_up{service="ingest"}'] == 0


async def test_requests_are_measured_by_route_not_by_path(client, shop) -> None:
    for customer in ("C0001", "C0002", "nobody"):
        await client.get(f"/customers/{customer}")
    await client.get("/wp-login.php")
    await client.request("BREW", "/segments")
    found = await scrape(client)
    prefix = "rfm_http_request_seconds_count"
    route = 'method="GET",route="/customers/{customer_id}"'
    assert found[f'{prefix}{{{route},status="200"}}'] == 2
    assert found[f'{prefix}{{{route},status="404"}}'] == 1
    assert found[f'{prefix}{{method="GET",route="unknown",status="404"}}'] == 1
    assert found[f'{prefix}{{method="other",route="unknown",status="405"}}'] == 1
    assert found[f'rfm_http_request_seconds_bucket{{le="+Inf",{route},status="200"}}'] == 2


async def test_without_the_database_there_are_still_figures(settings, api) -> None:
    async with api(settings.model_copy(update={"db_port": free_port()})) as client:
        found = await scrape(client)
    assert (found["rfm_database_up"], found["rfm_sse_clients"]) == (0, 0)


@pytest.mark.parametrize(
    "path", ["/health", "/segments", "/customers.csv", "/export/segments/all", "/dashboard",
             "/events", "/static/app.css", "/nowhere"],
)  # fmt: skip
async def test_head_is_a_get_without_the_body(client, shop, path) -> None:
    async with asyncio.timeout(60):
        head = await client.head(path)
        if path == "/events":
            assert (head.status_code, head.content) == (200, b"")
            return
        get = await client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
