"""`DELETE /customers/{id}`: gone from the tables at once, also while ingest is away."""

import asyncio
from urllib.parse import quote

import pytest

from ingest.keeping.erasing import Eraser
from rfm_common.db import AdvisoryLock, lock, run_sql


async def test_a_customer_is_erased_and_may_be_let_back(
    client, shop, sessions, settings, redis
) -> None:
    before = (await client.get("/health")).json()
    answer = await client.delete("/customers/C0001")
    assert (answer.status_code, answer.headers["location"]) == (202, "/erasures/1")
    assert answer.json()["state"] == "requested"
    assert answer.json()["removed"]["customers"] == 1
    assert (await client.get("/customers/C0001")).status_code == 404
    found = (await client.get("/customers", params={"q": "C0001"})).json()
    assert found["customers"] == []
    health = (await client.get("/health")).json()
    assert health["data_version"] == before["data_version"] + 1
    assert health["total_customers"] == before["total_customers"] - 1

    assert (await client.delete("/erasures/1")).status_code == 409
    await Eraser(settings, sessions, redis).carry_out()
    ended = (await client.get("/erasures")).json()["erasures"]
    assert [(row["erasure_id"], row["state"], row["actor"]) for row in ended] == [
        (1, "finished", "local")
    ]
    async with sessions() as session:
        assert (await run_sql(session, "SELECT count(*) FROM suppressions")).scalar() == 2
        assert (await client.delete("/erasures/1")).status_code == 204
        told = [entry["action"] for entry in (await client.get("/audit")).json()["entries"]]
        assert told == ["customer.erase.lift", "customer.erased", "customer.erase"]
        assert (await run_sql(session, "SELECT count(*) FROM suppressions")).scalar() == 0


async def test_a_load_in_progress_is_not_waited_for_long(
    client, shop, sessions, monkeypatch
) -> None:
    monkeypatch.setattr("rfm_common.erasure.PATIENCE", "100ms")
    async with sessions() as loading, loading.begin():
        await lock(loading, AdvisoryLock.LOAD)
        first, again = await asyncio.gather(
            client.delete("/customers/C0002"), client.delete("/customers/C0002")
        )
    assert first.json() == again.json() | {"requested_at": first.json()["requested_at"]}
    assert (first.status_code, first.json()["removed"]) == (202, {})
    assert (await client.get("/customers/C0002")).status_code == 200, "ingest does it later"


async def test_who_is_in_no_table_may_be_in_a_file(client, settings) -> None:
    answer = await client.delete("/customers/nobody@example.com", params={"unknown": True})
    assert (answer.status_code, answer.json()["removed"]) == (202, {})
    assert (settings.data_dir / "erasure.key").exists()
    (settings.data_dir / "erasure.key").unlink()
    refused = await client.delete("/customers/C0003")
    assert (refused.status_code, "erasure.key" in refused.json()["detail"]) == (503, True)
    assert (await client.get("/erasures/7")).status_code == 404


@pytest.mark.parametrize("typo", ["C00O1", "c0001", "nobody@example.com", " ", "C0001%", "0"])
async def test_a_typing_error_bars_nobody(client, shop, sessions, settings, typo: str) -> None:
    answer = await client.delete(f"/customers/{quote(typo, safe='')}")
    assert (answer.status_code, answer.json()["field"]) == (404, "customer_id")
    assert repr(typo) in answer.json()["detail"]
    assert "unknown=true" in answer.json()["detail"]
    async with sessions() as session:
        assert (await run_sql(session, "SELECT count(*) FROM erasures")).scalar() == 0
        assert (await run_sql(session, "SELECT count(*) FROM suppressions")).scalar() == 0
    assert not (settings.data_dir / "erasure.key").exists()


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
async def test_an_address_leads_to_its_customer(client, shop, sessions, method: str) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE customers SET email = 'Eva@x.org' WHERE customer_id='C0001'")
    path = "/customers/EVA@x.org" + ("/exclusion" if method == "PUT" else "")
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["detail"]) == (
        404, "no customer 'EVA@x.org'; it is the e-mail address of 'C0001':"
        " name the customer by the id",
    )  # fmt: skip


async def test_who_was_erased_may_be_erased_again(client, shop, sessions, settings, redis) -> None:
    for number in (1, 2):
        answer = await client.delete("/customers/C0001")
        assert (answer.status_code, answer.headers["location"]) == (202, f"/erasures/{number}")
        await Eraser(settings, sessions, redis).carry_out()
    assert (await client.delete("/customers/C0O01")).status_code == 404, "a key alone opens nothing"


async def test_who_is_only_in_a_snapshot_can_be_erased(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        for table in ("orders", "customer_emails", "customers"):
            await run_sql(session, f"DELETE FROM {table} WHERE customer_id = 'C0001'")
    answer = await client.delete("/customers/C0001")
    assert (answer.status_code, answer.json()["removed"]["rfm_features"] > 0) == (202, True)


async def test_a_list_of_rejects_that_is_gone_says_so(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, """
            UPDATE imports SET notes = '{"rejects_removed_at": "2026-03-01T00:00:00+00:00"}'
            WHERE import_id = 2
            """)  # fmt: skip
    answer = await client.get("/imports/2/rejects.csv")
    assert (answer.status_code, "2026-03-01" in answer.json()["detail"]) == (410, True)
