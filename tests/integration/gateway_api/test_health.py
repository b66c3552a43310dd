"""Health: exact totals, degraded without Redis, down without the database."""

from rfm_common import __version__
from rfm_common.db import run_sql
from rfm_common.settings import Settings
from rfm_common.versions import next_version
from tests.shop import add_orders


async def test_health_of_an_empty_product(client, settings: Settings) -> None:
    answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok", "database": "ok", "redis": "ok", "latest_calc_date": None,
        "total_customers": 0, "total_orders": 0, "total_clusters": 0, "data_version": 0,
        "scored_version": 0, "pending_imports": 0, "version": __version__,
        "data_dir": str(settings.input_dir),
    }  # fmt: skip


async def test_health_counts_exactly_and_again_after_each_change(client, shop, sessions) -> None:
    health = (await client.get("/health")).json()
    assert health["total_customers"] == 120
    assert health["total_clusters"] == 5
    assert health["latest_calc_date"] == "2024-06-30T23:59:59.999999Z"
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO customers (customer_id) VALUES ('new')")
        await next_version(session)
    changed = (await client.get("/health")).json()
    assert changed["total_customers"] == 121
    assert changed["data_version"] == changed["scored_version"] + 1
    assert changed["total_orders"] == health["total_orders"] > 0


async def test_files_that_wait_are_counted(client, settings: Settings) -> None:
    (settings.input_dir / "orders.csv").touch()
    (settings.input_dir / ".gitkeep").touch()
    (settings.input_dir / "mapping.toml").touch()
    assert (await client.get("/health")).json()["pending_imports"] == 1


async def test_without_the_database_everything_says_so(settings: Settings, api) -> None:
    async with api(settings.model_copy(update={"db_port": 1})) as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "down")
        assert health.json()["database"] == "away"
        assert (await client.get("/health/ready")).status_code == 503
        for path in ("/segments", "/customers", "/runs", "/imports", "/export/segments/all"):
            answer = await client.get(path)
            assert answer.status_code == 503, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert "retry-after" in answer.headers
        assert (await client.post("/pipeline/run")).status_code == 503


async def test_without_redis_everything_but_live_refresh_works(settings, sessions, api) -> None:
    await add_orders(sessions)
    away = Settings(redis_url="redis://127.0.0.1:1/0").redis_url
    async with api(settings.model_copy(update={"redis_url": away})) as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert (await client.get("/health/ready")).status_code == 200
        assert (await client.post("/pipeline/run")).status_code == 202
        assert (await client.get("/runs")).json()["total"] == 1
