"""Exports are complete or visibly broken, harmless in a spreadsheet, and bounded in memory."""

import csv
import errno
import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exports import api
from gateway.kit.outlook import FIGURES
from gateway.kit.schemas import Snapshot
from gateway.kit.streams import IncompleteError, Produce, Write, copy_rows, download, spooled
from rfm_common.db import Sessions, run_sql
from rfm_common.errors import UnavailableError
from rfm_common.faults import is_locked_out
from rfm_common.snapshots import retire, wait_briefly
from scoring.runs.forecasts import forecast_next
from tests.running import eventually
from tests.shop import CALC_DATE, score

COLUMNS = [
    "customer_id", "email", "country", "segment_name", "recency_days", "frequency", "monetary",
    "r_score", "f_score", "m_score", "cluster_id", *FIGURES,
]  # fmt: skip


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_an_export_holds_the_segment_as_the_list_shows_it(reader) -> None:
    answer = await reader.get("/export/segments/at-risk")
    rows = rows_of(answer)
    listed = (await reader.get("/segments/at-risk/customers", params={"page_size": 1000})).json()
    assert list(rows[0]) == COLUMNS
    assert [row["customer_id"] for row in rows] == [
        row["customer_id"] for row in listed["customers"]
    ]
    assert [float(row["monetary"]) for row in rows] == [
        row["monetary"] for row in listed["customers"]
    ]
    assert answer.headers["x-row-count"] == str(len(rows)) == str(listed["total"])
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="at-risk-2024-06-30' in answer.headers["content-disposition"]


async def test_an_export_has_what_each_customer_is_expected_to_buy(
    client, shop, settings, sessions
) -> None:
    assert await forecast_next(settings, sessions)
    for path, listed in {"/export/segments/champions": "/segments/champions/customers",
                         "/export/segments/all": "/customers"}.items():  # fmt: skip
        answer = await client.get(path)
        found = (await client.get(listed, params={"page_size": 1000})).json()["customers"]
        assert [
            {name: float(row[name]) if row[name] else None for name in FIGURES}
            for row in rows_of(answer)
        ] == [{name: row[name] for name in FIGURES} for row in found]
        assert answer.headers["x-outlook"] == "ready"
        assert "without-outlook" not in answer.headers["content-disposition"]


async def test_an_export_that_begins_before_the_figures_has_none_of_them_and_says_so(
    client, shop, settings, sessions, monkeypatch
) -> None:
    """They are attached after it looked, and before it reads."""
    keep = api._keep

    async def attach_first(session, *snapshots) -> None:
        assert await forecast_next(settings, sessions)
        await keep(session, *snapshots)

    monkeypatch.setattr(api, "_keep", attach_first)
    answer = await client.get("/export/segments/all")
    assert answer.headers["x-outlook"] == "computing"
    assert 'filename="all-2024-06-30-without-outlook.csv"' in answer.headers["content-disposition"]
    rows = rows_of(answer)
    assert len(rows) == 120
    assert {row[name] for row in rows for name in FIGURES} == {""}
    assert (await client.get("/customers")).json()["has_outlook"] is True


async def test_all_is_everybody(reader) -> None:
    answer = await reader.get("/export/segments/all")
    assert [row["customer_id"] for row in rows_of(answer)] == [f"C{n:04}" for n in range(1, 121)]


async def test_an_unknown_segment_or_date_is_refused_before_the_first_byte(reader) -> None:
    assert (await reader.get("/export/segments/whales")).status_code == 404
    wrong = await reader.get("/export/segments/all", params={"calc_date": "2001-01-01"})
    assert wrong.status_code == 404
    assert wrong.headers["content-type"] == "application/problem+json"


PAYLOADS = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1"]


async def test_formulas_are_neutralised_in_texts_and_numbers_left_alone(
    client, shop, sessions
) -> None:
    async with sessions() as session, session.begin():
        for number, payload in enumerate(PAYLOADS, 1):
            await run_sql(
                session,
                "UPDATE customers SET email = :payload, country = 'a=b' WHERE customer_id = :id",
                payload=payload,
                id=f"C{number:04}",
            )
        await run_sql(
            session,
            f"UPDATE rfm_features_{shop} SET monetary = -12.5 WHERE customer_id = 'C0001'",
        )
    for path in ("/export/segments/all", "/customers.csv?page_size=1000"):
        rows = rows_of(await client.get(path))
        assert [row["email"] for row in rows[: len(PAYLOADS)]] == [f"'{p}" for p in PAYLOADS]
        assert (rows[0]["country"], rows[0]["monetary"]) == ("a=b", "-12.50")
        assert rows[8]["email"] == "customer9@example.com"
    exact = (await client.get("/customers/C0001")).json()
    assert exact["email"] == "=1+1"


async def test_commas_quotes_and_lines_survive(client, shop, sessions) -> None:
    odd = 'a "b", c\nd;é'
    async with sessions() as session, session.begin():
        await run_sql(
            session, "UPDATE customers SET email = :odd WHERE customer_id = 'C0003'", odd=odd
        )
    assert rows_of(await client.get("/export/segments/all"))[2]["email"] == odd


def copying(sessions: Sessions, query: str) -> Produce:
    """Writes what a query gives, as the exports do."""

    async def produce(write: Write) -> int:
        async with sessions() as session:
            return await copy_rows(session, (query, ()), write)

    return produce


async def test_a_wrong_number_of_rows_is_an_error_not_a_short_file(sessions, tmp_path) -> None:
    ten = copying(sessions, "SELECT generate_series(1, 10) AS n")
    folder = tmp_path / "spool"
    whole = b"".join([chunk async for chunk in spooled(folder, ten, 10)])
    assert whole == b"n\n" + b"".join(b"%d\n" % n for n in range(1, 11))
    with pytest.raises(IncompleteError, match="10 rows instead of 11"):
        [chunk async for chunk in spooled(folder, ten, 11)]
    assert list(folder.iterdir()) == []


async def test_a_failure_in_the_middle_is_an_error(sessions, tmp_path) -> None:
    query = "SELECT 100000 / (200000 - n) FROM generate_series(1, 300000) n"
    stream = spooled(tmp_path, copying(sessions, query))
    assert (await anext(stream)).startswith(b"?column?\n0\n")
    with pytest.raises(Exception, match="division by zero"):
        [chunk async for chunk in stream]


async def test_a_full_disk_is_an_error(sessions) -> None:
    async def produce(write: Write) -> int:
        await write(b"x" * 100)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        [chunk async for chunk in spooled(Path(tempfile.gettempdir()), produce)]


@pytest.mark.slow
async def test_a_client_that_leaves_frees_the_connection(sessions, tmp_path) -> None:
    endless = "SELECT repeat('x', 1000) FROM generate_series(1, 10000000)"
    for _ in range(12):  # more than the pool has
        stream = spooled(tmp_path, copying(sessions, endless))
        assert await anext(stream)
        await stream.aclose()
    async with sessions() as session:
        assert (await run_sql(session, "SELECT 1")).scalar() == 1


async def test_a_slow_client_holds_neither_connection_nor_snapshot(
    sessions, settings, shop, tmp_path
) -> None:
    """It took one row; everything else is in the file, and the snapshot can be replaced."""

    async def produce(write: Write) -> int:
        async with sessions() as session:
            await run_sql(session, f"LOCK TABLE rfm_features_{shop} IN ACCESS SHARE MODE")
            return await copy_rows(session, ("SELECT * FROM rfm_features", ()), write)

    stream = spooled(tmp_path, produce)
    assert await anext(stream)
    later = await score(sessions)  # drops the table, and would wait for a lock
    assert later > shop
    await stream.aclose()


@pytest.mark.parametrize("query", ["", "?mode=changes&since=2024-03-31"])
async def test_a_snapshot_cannot_be_replaced_before_its_export_has_begun(
    client, shop, sessions, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """The request keeps it until the session that reads the rows does."""
    for moment in (datetime(2024, 3, 31, tzinfo=UTC), CALC_DATE):
        run_id = await score(sessions, moment)
    refused = []
    original = api._keep

    async def keep(session: AsyncSession, *snapshots: Snapshot) -> None:
        async with sessions() as other, other.begin():
            await wait_briefly(other)
            with pytest.raises(DBAPIError) as error:
                await retire(other, run_id)
            await other.rollback()
        refused.append(is_locked_out(error.value))
        await original(session, *snapshots)

    monkeypatch.setattr(api, "_keep", keep)
    answer = await client.get(f"/export/segments/all{query}")
    assert len(rows_of(answer)) == int(answer.headers["x-row-count"])
    assert refused == [True]


async def test_what_fails_before_the_first_row_is_an_error_and_no_broken_file(
    client, shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise UnavailableError("the snapshot was replaced before the export began")

    monkeypatch.setattr(api, "_keep", fail)
    answer = await client.get("/export/segments/all")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "replaced" in answer.json()["detail"]


async def test_an_export_is_in_the_audit_log(client, shop, sessions) -> None:
    async def entries() -> list[tuple[object, ...]]:
        async with sessions() as session:
            found = await run_sql(
                session,
                "SELECT actor, action, subject, rows, detail->>'outcome',"
                " detail->>'bytes', detail->>'run_id' FROM audit_log ORDER BY audit_id",
            )
            return [tuple(row) for row in found.all()]

    answer = await client.get("/export/segments/at-risk")
    told = answer.headers["x-row-count"], str(len(answer.content)), str(shop)

    async def ended() -> bool:
        return all(entry[4] != "begun" for entry in await entries())

    await eventually(ended, what="the entry is completed")
    rows, size, run = told
    assert await entries() == [
        ("local", "export.segment", "At Risk", int(rows), "complete", size, run)
    ]
    await client.get("/imports/2/rejects.csv")
    assert (await entries())[1][:4] == ("local", "export.rejects", "import 2", None)
    await client.get("/export/segments/whales")  # nothing was exported
    assert len(await entries()) == 2


@pytest.mark.parametrize(
    "name", ['x"; evil="1', "a\r\nSet-Cookie: b=c", "../../etc/passwd", "🙂", "", "ä ö"]
)
def test_no_name_breaks_out_of_its_header(name) -> None:
    header = download(name)["Content-Disposition"]
    assert not set(header) & set("\r\n\0/\\")
    plain = header.partition('filename="')[2].partition('"')[0]
    assert plain.endswith(".csv")
    assert plain.replace("-", "").replace(".", "").replace("_", "").isalnum()
    header.encode("ascii")


def test_the_date_of_the_shop_is_what_the_file_name_says() -> None:
    assert CALC_DATE.date().isoformat() == "2024-06-30"
