"""A person is erased, their file is dropped again, everything restarts: nothing of them is left."""

from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.running import drop, eventually, product
from tests.traces import traces

EMAIL, WHO = "eva.person@example.com", "EVA-4711"
PEOPLE = [f"C{n:03},c{n}@example.com,DE,2023-01-15" for n in range(40)]
FILES = {
    "customers.csv": "\n".join(
        ["customer_id,email,country,created_at", f"{WHO},{EMAIL},DE,2023-01-15", *PEOPLE, ""]
    ),
    "orders.csv": "\n".join([
        "order_id,customer_id,order_date,order_amount,currency,status,note",
        *(f"O{n},C{n % 40:03},2024-01-{n % 28 + 1:02},9.00,EUR,completed," for n in range(300)),
        *(f"E{n},{WHO},2024-01-{n + 1:02},9.00,EUR,completed,to {EMAIL}" for n in range(9)),
        f"E99,{WHO},2024-02-30,9.00,EUR,completed,to {EMAIL}", "",
    ]),
    "no-header.csv": f"{WHO},{EMAIL},DE,2023-01-15\n",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_no_trace_is_left_and_none_comes_back(
    settings: Settings, sessions: Sessions, redis: Redis, tmp_path: Path
) -> None:
    log = tmp_path / "services.log"
    with log.open("wb") as sink:
        async with product(settings, sink, RFM_LOG_LEVEL="DEBUG") as client:
            await dropped_and_scored(client, settings, FILES, 3)
            assert len(await traces(sessions, redis, settings.data_dir, EMAIL, WHO)) > 10
            answer = await client.delete(f"/customers/{WHO}")
            where = answer.headers["location"]

            async def is_finished() -> bool:
                return (await client.get(where)).json()["state"] == "finished"

            await eventually(is_finished, what="the erasure ends")
            await caught_up(client)
            assert await traces(sessions, redis, settings.data_dir, EMAIL, WHO) == []
            assert (await client.get(f"/customers/{WHO}")).status_code == 404
            assert (await client.get("/health")).json()["total_customers"] == 40

        async with product(settings, sink, RFM_LOG_LEVEL="DEBUG", RFM_LOG_FORMAT="json") as client:
            changed = {f"again-{name}": f"{content}\n" for name, content in FILES.items()}
            await dropped_and_scored(client, settings, FILES | changed, 9)
            assert await traces(sessions, redis, settings.data_dir, EMAIL, WHO) == []
            found = (await client.get("/customers")).json()
            assert (found["total"], WHO in str(found)) == (40, False)
        async with sessions() as session:
            states = await run_sql(session, "SELECT file_name, state FROM imports ORDER BY 1, 2")
            assert [tuple(row) for row in states if "header" not in row[0]] == [
                ("again-customers.csv", "loaded_with_rejects"),
                ("again-orders.csv", "loaded_with_rejects"),
                ("customers.csv", "duplicate"), ("customers.csv", "loaded"),
                ("orders.csv", "duplicate"), ("orders.csv", "loaded_with_rejects"),
            ]  # fmt: skip
    assert EMAIL not in log.read_text().lower()
    assert '"import_id": ' in log.read_text(), "lines name what they are about"
    assert '"event_id": ' in log.read_text()


async def dropped_and_scored(
    client: httpx.AsyncClient, settings: Settings, files: dict[str, str], imports: int
) -> None:
    for name, content in files.items():
        drop(settings.input_dir, name, content)

    async def are_decided() -> bool:
        found = (await client.get("/imports")).json()["imports"]
        waiting = (await client.get("/health")).json()["pending_imports"]
        return len(found) >= imports and not waiting

    await eventually(are_decided, what="all files are decided and put away")
    await caught_up(client)


async def caught_up(client: httpx.AsyncClient) -> None:
    async def is_scored() -> bool:
        health = (await client.get("/health")).json()
        return 0 < health["data_version"] == health["scored_version"]

    await eventually(is_scored, what="scores follow the data")
