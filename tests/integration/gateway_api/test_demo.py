"""Demo data goes without a trace and without harm to anybody's own."""

from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.db import run_sql
from rfm_common.events import DataChanged
from rfm_common.runs import RunRequest, queue_run
from rfm_common.settings import Settings
from rfm_common.snapshots import VALUES
from scoring.runs.forecasts import forecast_next
from tests.shop import CALC_DATE, add_orders, score

DEMO = """
INSERT INTO imports (import_id, file_name, kind, state, sha256, size_bytes, is_demo, stored_path)
OVERRIDING SYSTEM VALUE VALUES
    (101, 'rfm-demo-orders.csv', 'orders', 'loaded', 'd1', 1, true, 'archive/demo.csv'),
    (102, 'rfm-demo-more.csv', 'orders', 'reading', 'd2', 1, true, NULL),
    (103, 'own.csv', 'orders', 'loaded', 'o1', 1, false, 'archive/own.csv');
INSERT INTO customers (customer_id) VALUES ('DEMO-C1'), ('DEMO-C2'), ('OWN-1');
INSERT INTO orders (order_id, customer_id, order_date, order_amount, currency, status, import_id)
VALUES ('DEMO-O1', 'DEMO-C1', now(), 5, 'EUR', 'completed', 101),
       ('DEMO-O2', 'OWN-1', now(), 5, 'EUR', 'completed', 101),
       ('MINE', 'DEMO-C2', now(), 5, 'EUR', 'completed', 103);
INSERT INTO exchange_rates (currency, valid_from, rate, import_id)
VALUES ('USD', '0001-01-01', 0.9, 101), ('GBP', '0001-01-01', 1.2, 103)
"""


async def add_demo(sessions) -> None:
    async with sessions() as session, session.begin():
        for statement in DEMO.split(";"):
            await run_sql(session, statement)


async def column(sessions, statement: str) -> list:
    async with sessions() as session:
        return list((await run_sql(session, statement)).scalars())


async def test_the_demo_shop_is_dropped_like_any_files(client, settings: Settings) -> None:
    answer = await client.post("/demo")
    assert answer.status_code == 202
    files = answer.json()["files"]
    assert sorted(files) == sorted(path.name for path in settings.input_dir.iterdir())
    assert {name.rpartition("-")[0] for name in files} >= {"rfm-demo", "rfm-demo-orders"}
    header = (settings.input_dir / "rfm-demo-customers.csv").read_text().splitlines()[0]
    assert header == "customer_id,email,country,created_at"


async def test_demo_data_goes_and_own_data_stays(
    client, sessions, settings: Settings, redis: Redis
) -> None:
    await add_orders(sessions)
    own = await column(sessions, "SELECT order_id FROM orders ORDER BY 1")
    await add_demo(sessions)
    settings.archive_dir.mkdir()
    for name in ("demo.csv", "own.csv"):
        (settings.archive_dir / name).touch()

    answer = await client.delete("/demo")

    assert answer.status_code == 200
    assert answer.json() == {"customers": 1, "orders": 2, "data_version": 1}
    assert await column(sessions, "SELECT order_id FROM orders ORDER BY 1") == ["MINE", *own]
    kept = "SELECT customer_id FROM customers WHERE import_id IS NULL AND customer_id !~ '^C0'"
    assert sorted(await column(sessions, kept)) == ["DEMO-C2", "OWN-1"]
    assert await column(sessions, "SELECT currency FROM exchange_rates") == ["GBP"]
    ledger = "SELECT import_id FROM imports ORDER BY 1"
    assert await column(sessions, ledger) == [102, 103]
    assert [path.name for path in settings.archive_dir.iterdir()] == ["own.csv"]
    assert [event for _, event in await bus.read(redis, "0-0")] == [DataChanged(data_version=1)]


async def test_a_shop_of_demo_data_alone_leaves_no_scores(
    client, sessions, settings: Settings
) -> None:
    await add_demo(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM orders WHERE import_id = 103")
        await run_sql(session, "UPDATE orders SET customer_id = 'DEMO-C1'")
        await run_sql(session, "DELETE FROM customers WHERE customer_id = 'OWN-1'")
        await run_sql(session, "UPDATE customers SET import_id = 101")
    await score(sessions, CALC_DATE)
    assert await forecast_next(settings, sessions)
    async with sessions() as session, session.begin():
        await queue_run(session, settings, RunRequest(calc_date=CALC_DATE), "backfill")
    assert "DEMO-C1" in await column(sessions, f"SELECT customer_id FROM {VALUES}")
    assert (await client.delete("/demo")).status_code == 200
    assert await column(sessions, f"SELECT customer_id FROM {VALUES}") == []
    assert (await client.get("/snapshots")).json() == {"snapshots": []}
    past = "SELECT DISTINCT cancel_requested FROM scoring_runs WHERE trigger = 'backfill'"
    assert await column(sessions, past) == [True]


async def test_demo_files_that_wait_do_not_come_later(client, settings: Settings) -> None:
    dropped = (await client.post("/demo")).json()["files"]
    (settings.input_dir / "own.csv").touch()
    assert (await client.delete("/demo")).status_code == 200
    assert dropped
    assert [path.name for path in settings.input_dir.iterdir()] == ["own.csv"]


async def test_without_demo_data_nothing_happens(client, sessions, shop, redis: Redis) -> None:
    before = (await client.get("/health")).json()
    answer = await client.delete("/demo")
    assert answer.json() == {"customers": 0, "orders": 0, "data_version": None}
    assert (await client.get("/health")).json() == before
    assert await bus.read(redis, "0-0") == []


async def test_a_path_outside_the_data_folder_is_left_alone(client, sessions, settings) -> None:
    outside = settings.data_dir.parent / "precious.csv"
    outside.touch()
    await add_demo(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET stored_path = '../precious.csv'")
    assert (await client.delete("/demo")).status_code == 200
    assert outside.exists()
