"""The description is complete, tells the truth, and its page needs no other server."""

import re

import pytest_asyncio


@pytest_asyncio.fixture
async def described(client) -> dict:
    return (await client.get("/openapi.json")).json()


def operations(described: dict) -> list[tuple[str, str, dict]]:
    return [
        (path, method, operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]


async def test_every_call_of_the_design_is_described(described) -> None:
    assert {
        "/health", "/pipeline/run", "/runs", "/runs/{run_id}", "/segments",
        "/segments/{name}/customers", "/customers", "/customers/{customer_id}",
        "/export/segments/{name}", "/visualization/plot", "/visualization/interactive",
        "/visualization/3d", "/migrations", "/imports", "/imports/{import_id}",
        "/imports/{import_id}/rejects.csv", "/events",
    } <= described["paths"].keys()  # fmt: skip
    assert not [path for path in described["paths"] if path.startswith("/dashboard")]


async def test_every_operation_says_what_it_does_and_how_it_fails(described) -> None:
    for path, _, operation in operations(described):
        assert operation["summary"], path
        assert operation["description"], path
        assert {"400", "404", "503"} <= operation["responses"].keys(), path
        answer = operation["responses"]["404"]["content"]
        assert list(answer) == ["application/problem+json"], path
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids))


async def test_it_is_openapi_3_1(described) -> None:
    assert described["openapi"].startswith("3.1.")


async def test_every_reference_leads_somewhere(described) -> None:
    names = set(re.findall(r"#/components/schemas/([^\"']+)", str(described)))
    assert names <= described["components"]["schemas"].keys()


async def test_limits_and_money_are_described(described) -> None:
    customers = described["paths"]["/segments/{name}/customers"]["get"]
    sizes = [p for p in customers["parameters"] if p["name"] == "page_size"]
    assert (sizes[0]["schema"]["minimum"], sizes[0]["schema"]["maximum"]) == (1, 1000)
    rows = [
        schema
        for name, schema in described["components"]["schemas"].items()
        if name.endswith("CustomerRow")
    ]
    assert rows[0]["properties"]["monetary"]["type"] == "number"


async def test_the_page_and_its_files_come_from_here(client) -> None:
    page = (await client.get("/docs")).text
    assert "//" not in re.sub(r"<!doctype html>", "", page).replace("</", "")
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) >= 4
    for file in files:
        assert (await client.get(file)).status_code == 200, file


async def test_the_body_of_a_run_is_described_with_its_limits(described) -> None:
    body = described["components"]["schemas"]["RunBody"]
    assert body["additionalProperties"] is False
    assert body["properties"]["window_days"]["maximum"] == 3650
    run = described["paths"]["/pipeline/run"]["post"]
    assert run["requestBody"]["required"] is False
    assert {"200", "202", "409"} <= run["responses"].keys()


async def test_the_body_of_a_backfill_is_described_with_its_limits(described) -> None:
    body = described["components"]["schemas"]["BackfillBody"]
    assert body["additionalProperties"] is False
    months = body["properties"]["months"]
    assert (months["minimum"], months["maximum"], months["default"]) == (1, 120, 24)
    backfill = described["paths"]["/pipeline/backfill"]["post"]
    assert backfill["requestBody"]["required"] is False
    assert {"202", "409"} <= backfill["responses"].keys()
