"""Pushing files and rows: the imports that the answer names, waiting for them, and keys."""

import asyncio
import gzip
import io
from collections.abc import AsyncGenerator

import polars as pl
import pytest
import pytest_asyncio

from gateway.kit.workbook import XLSX
from rfm_common.db import run_sql
from rfm_common.settings import Settings
from tests.books import xlsx
from tests.integration.ingest.dropping import running

CSV = b"order_id,customer_id,order_date,order_amount,status\nO1,C1,2024-01-05,9.50,completed\n"
ROW = {
    "order_id": "O1", "customer_id": "C1", "order_date": "2024-01-05",
    "order_amount": 9.50, "status": "completed",
}  # fmt: skip
WAIT = {"Prefer": "wait=60"}


@pytest_asyncio.fixture
async def ingest(settings: Settings, sessions, redis) -> AsyncGenerator[None]:
    """The service that loads what is pushed."""
    quick = settings.model_copy(update={"settle_seconds": 0.0, "rescan_seconds": 0.5})
    async with running(quick, sessions, redis):
        yield


def parquet() -> bytes:
    sink = io.BytesIO()
    pl.DataFrame([ROW]).write_parquet(sink)
    return sink.getvalue()


def workbook() -> bytes:
    return xlsx({"Orders": [tuple(ROW), tuple(ROW.values())]})


async def keyed(client, key: str, content: bytes = CSV, name: str = "till.csv"):
    return await client.post(
        "/imports", files={"file": (name, content)}, headers={"Idempotency-Key": key}
    )


async def test_the_answer_names_the_import_before_it_is_read(client) -> None:
    answer = await client.post("/imports", files={"file": ("till.csv", CSV)})
    [row] = answer.json()["imports"]
    assert (answer.status_code, row["state"], row["size_bytes"]) == (202, "reading", len(CSV))
    assert answer.headers["location"] == f"/imports/{row['import_id']}"
    found = (await client.get(answer.headers["location"])).json()
    assert (found["file_name"], found["stored_path"]) == ("till.csv", "input/till.csv")


@pytest.mark.usefixtures("ingest")
async def test_several_files_end_under_the_ids_that_they_were_given(client) -> None:
    files = [("file", ("a.csv", CSV)), ("file", ("a.csv", CSV)), ("file", ("b.csv", b"x,y\n1,2\n"))]
    answer = await client.post("/imports", files=files, headers=WAIT)
    assert answer.status_code == 200, answer.text
    assert answer.headers["preference-applied"] == "wait=60"
    rows = answer.json()["imports"]
    assert [row["file_name"] for row in rows] == ["a.csv", "a-2.csv", "b.csv"]
    assert {"loaded", "duplicate"} <= {row["state"] for row in rows}
    listed = (await client.get(answer.headers["location"])).json()
    assert (listed["total"], listed["imports"]) == (3, rows[::-1])
    everything = (await client.get("/imports")).json()
    assert everything["total"] == 3


@pytest.mark.parametrize(
    ("kind", "content", "name"),
    [
        ("text/csv", CSV, "pushed.csv"),
        ("text/csv; charset=utf-8", CSV, "pushed.csv"),
        ("text/csv", gzip.compress(CSV), "pushed.csv"),
        (XLSX, workbook(), "pushed.xlsx"),
        ("application/vnd.apache.parquet", parquet(), "pushed.parquet"),
    ],
    ids=["csv", "charset", "gzip", "xlsx", "parquet"],
)
@pytest.mark.usefixtures("ingest")
async def test_a_file_is_the_whole_body(client, kind, content, name) -> None:
    headers = {"Content-Type": kind, **WAIT}
    answer = await client.post("/imports", content=content, headers=headers)
    [row] = answer.json()["imports"]
    assert (row["file_name"], row["state"], row["rows_new"]) == (name, "loaded", 1)


@pytest.mark.usefixtures("ingest")
async def test_rows_come_as_json(client) -> None:
    more = [ROW | {"order_id": f"O{number}"} for number in range(3)]
    listed = await client.post("/imports", json=more, headers=WAIT)
    lines = b'{"customer_id": "C1", "email": "c1@shop.example"}\n{"customer_id": "C2"}\n'
    pushed = await client.post(
        "/imports?file_name=people.ndjson", content=lines,
        headers={"Content-Type": "application/x-ndjson", **WAIT},
    )  # fmt: skip
    answers = [listed.json()["imports"][0], pushed.json()["imports"][0]]
    assert [(row["file_name"], row["kind"], row["rows_total"]) for row in answers] == [
        ("pushed.json", "orders", 3), ("people.ndjson", "customers", 2),
    ]  # fmt: skip
    assert (await client.get("/customers/C1")).json()["email"] == "c1@shop.example"


@pytest.mark.usefixtures("ingest")
async def test_an_object_of_tables_is_a_file_each(client) -> None:
    tables = {"customers": [{"customer_id": "C1", "country": "DE"}], "orders": [ROW]}
    answer = await client.post("/imports", json=tables, headers=WAIT)
    rows = answer.json()["imports"]
    assert [(row["file_name"], row["kind"], row["rows_new"]) for row in rows] == [
        ("customers.json", "customers", 1), ("orders.json", "orders", 1),
    ]  # fmt: skip
    assert answer.json()["message"] == "2 loaded"


@pytest.mark.usefixtures("ingest")
async def test_a_row_that_does_not_load_is_named_with_its_line(client) -> None:
    answer = await client.post(
        "/imports", json=[ROW, ROW | {"order_id": "O2", "order_amount": "much"}], headers=WAIT
    )
    [row] = answer.json()["imports"]
    detail = (await client.get(answer.headers["location"])).json()
    assert row["state"] == "needs_decision"
    assert "order_amount" in str(detail["questions"]) + str(detail["reject_groups"])


@pytest.mark.parametrize(
    ("content", "kind", "field"),
    [
        (b'[{"a": 1}, 7]', "application/json", "[1]"),
        (b'{"orders": [3]}', "application/json", "orders[0]"),
        (b'{"sales": []}', "application/json", "sales"),
        (b'{"a": 1}\n{"a"}\n', "application/x-ndjson", "line 2"),
        (b"", "text/csv", "body"),
    ],
)
async def test_a_body_that_is_no_table_is_refused_and_leaves_nothing(
    client, settings, content, kind, field
) -> None:
    answer = await client.post("/imports", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert list(settings.input_dir.iterdir()) == []
    assert (await client.get("/imports")).json()["total"] == 0


async def test_a_json_document_is_bounded(client, settings, monkeypatch) -> None:
    monkeypatch.setattr("gateway.imports.bodies.LARGEST_JSON", 100)
    answer = await client.post("/imports", json=[ROW] * 3)
    assert answer.status_code == 413
    assert "application/x-ndjson" in answer.json()["detail"]
    assert list(settings.input_dir.iterdir()) == []


async def test_names_of_whole_bodies_are_plain_and_of_a_table(client, settings) -> None:
    csv = {"Content-Type": "text/csv"}
    good = await client.post("/imports?file_name=../../x.csv", content=CSV, headers=csv)
    assert good.json()["files"] == ["x.csv"]
    shop = await client.post("/imports?file_name=shop.json", json={"orders": [ROW]})
    assert shop.json()["files"] == ["shop-orders.json"]
    refused = await client.post("/imports?file_name=run.sh", content=CSV, headers=csv)
    assert refused.status_code == 400
    form = await client.post("/imports?file_name=a.csv", files={"file": ("b.csv", CSV)})
    assert (form.status_code, form.json()["field"]) == (400, "file_name")


async def test_a_key_is_one_upload_however_often_it_is_sent(client, settings, api) -> None:
    answers = await asyncio.gather(*(keyed(client, "night-1") for _ in range(5)))
    bodies = [answer.json() for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    async with api(settings) as restarted:
        again = await keyed(restarted, "night-1")
    assert (again.status_code, again.json()) == (202, bodies[0])
    assert [path.name for path in settings.input_dir.iterdir()] == ["till.csv"]
    assert (await keyed(client, "night-2")).json()["files"] == ["till-2.csv"]


@pytest.mark.parametrize(
    ("content", "name"), [(CSV + b"O2,C1,2024-01-05,1,completed\n", "till.csv"), (CSV, "shop.csv")]
)
async def test_a_key_of_other_files_is_refused(client, settings, content, name) -> None:
    first = (await keyed(client, "night-1")).json()["imports"][0]["import_id"]
    other = await keyed(client, "night-1", content, name)
    assert (other.status_code, other.json()["import_ids"]) == (409, [first])
    assert other.json()["field"] == "Idempotency-Key"
    assert len(list(settings.input_dir.iterdir())) == 1


async def test_a_key_is_forgotten_after_a_day(client, sessions) -> None:
    await keyed(client, "night-1")
    async with sessions() as session, session.begin():
        await run_sql(
            session, "UPDATE upload_keys SET created_at = now() - interval '24 hours 1 minute'"
        )
    assert (await keyed(client, "night-1", b"a,b\n1,2\n")).status_code == 202


async def test_a_key_whose_upload_failed_is_free(client) -> None:
    broken = await client.post(
        "/imports", content=b'[{"a": 1}, 7]',
        headers={"Content-Type": "application/json", "Idempotency-Key": "night-1"},
    )  # fmt: skip
    assert broken.status_code == 400
    assert (await keyed(client, "night-1")).status_code == 202


async def test_waiting_ends_in_time(client) -> None:
    answer = await client.post(
        "/imports", files={"file": ("till.csv", CSV)}, headers={"Prefer": "wait=1"}
    )
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")


async def test_the_ledger_lists_the_imports_that_are_asked_for(client) -> None:
    ids = [
        (await keyed(client, f"night-{number}")).json()["imports"][0]["import_id"]
        for number in range(3)
    ]
    found = (await client.get("/imports", params={"import_id": ids[:2], "state": "reading"})).json()
    assert [row["import_id"] for row in found["imports"]] == ids[1::-1]
    assert (await client.get("/imports", params={"import_id": "x"})).status_code == 400
    for nobody in (0, -1, 2**80):
        assert (await client.get("/imports", params={"import_id": nobody})).json()["total"] == 0
