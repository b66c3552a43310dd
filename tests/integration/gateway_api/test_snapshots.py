"""Deleting a snapshot: everything of it goes, and nothing else."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.events import SnapshotDeleted
from tests.shop import CALC_DATE, score

TABLES = ("segment_stats", "segment_countries", "country_summaries", "segment_flows",
          "run_samples", "quiet_customers")  # fmt: skip


async def rows_left(sessions, run_id: int) -> int:
    """Rows of a run in the tables of figures."""
    counts = (f"(SELECT count(*) FROM {table} WHERE run_id = :run)" for table in TABLES)
    async with sessions() as session:
        found = await run_sql(session, f"SELECT {' + '.join(counts)}", run=run_id)
    return int(found.scalar_one())


async def test_the_snapshot_before_is_then_the_newest(client, shop, sessions, redis: Redis) -> None:
    later = await score(sessions, CALC_DATE + timedelta(days=30))
    assert (await client.get("/segments")).json()["run_id"] == later
    assert (await client.delete(f"/snapshots/{later}")).status_code == 204
    assert (await client.get("/segments")).json()["run_id"] == shop
    assert [one["run_id"] for one in (await client.get("/snapshots")).json()["snapshots"]] == [shop]
    run = (await client.get(f"/runs/{later}")).json()
    assert (run["is_current"], run["summary"]["deleted_by"]) == (False, "local")
    [entry] = (await client.get("/audit")).json()["entries"]
    assert (entry["action"], entry["subject"]) == ("snapshot.delete", f"run {later}")
    told = [event for _, event in await bus.read(redis, "0-0")]
    assert [one.run_id for one in told if isinstance(one, SnapshotDeleted)] == [later]


async def test_flows_out_of_a_deleted_snapshot_are_forgotten(client, shop, sessions) -> None:
    later = await score(sessions, CALC_DATE + timedelta(days=30))
    assert (await client.delete(f"/snapshots/{shop}")).status_code == 204
    assert (await client.get(f"/runs/{later}")).json()["previous_run_id"] is None
    assert (await client.get("/segments")).json()["run_id"] == later


async def test_nothing_of_the_only_snapshot_remains(client, shop, sessions) -> None:
    assert await rows_left(sessions, shop)
    assert f'hx-delete="/snapshots/{shop}"' in (await client.get(f"/dashboard/runs/{shop}")).text
    assert (await client.delete(f"/snapshots/{shop}")).status_code == 204
    assert await rows_left(sessions, shop) == 0
    assert (await client.get("/snapshots")).json()["snapshots"] == []
    assert (await client.get("/customers/C0001")).status_code == 200
    assert (await client.get("/dashboard")).status_code == 200
    assert "deleted on request" in (await client.get(f"/dashboard/runs/{shop}")).text


@pytest.mark.parametrize(("run_id", "status"), [(99, 404), (2**40, 400), (0, 400)])
async def test_what_does_not_exist_cannot_be_deleted(client, shop, run_id, status) -> None:
    assert (await client.delete(f"/snapshots/{run_id}")).status_code == status


async def test_a_second_deletion_says_that_there_is_no_snapshot(client, shop) -> None:
    await client.delete(f"/snapshots/{shop}")
    again = await client.delete(f"/snapshots/{shop}")
    assert again.status_code == 409
    assert "no snapshot to delete" in again.json()["detail"]


async def test_never_while_a_run_publishes(client, shop, sessions, monkeypatch) -> None:
    monkeypatch.setattr("gateway.runs.snapshots.PAUSES", (0.01, 0.01))
    async with sessions() as session, session.begin():
        await lock(session, AdvisoryLock.PUBLISH)
        refused = await client.delete(f"/snapshots/{shop}")
    assert refused.status_code == 409
    assert "a run is publishing" in refused.json()["detail"]
    assert (await client.get("/segments")).json()["run_id"] == shop
