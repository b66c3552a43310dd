"""The schema is what the models say, and starting many processes at once is safe."""

import asyncio
import sys
from decimal import Decimal

import pytest
from alembic import command

from rfm_common.db import run_sql
from rfm_common.schema import NewerSchemaError, alembic_config, upgrade
from rfm_common.settings import Settings
from rfm_common.snapshots import PARENTS, VALUES
from tests.shop import open_shop

MIGRATE = """
import asyncio
from rfm_common.schema import upgrade
from rfm_common.settings import Settings
asyncio.run(upgrade(Settings()))
"""


async def test_models_and_migrations_agree(settings: Settings) -> None:
    await asyncio.to_thread(command.check, alembic_config(settings))


async def test_partitions_of_snapshots_are_no_difference(settings: Settings, sessions) -> None:
    async with sessions() as session, session.begin():
        for parent in (*PARENTS, VALUES):
            await run_sql(
                session,
                f"CREATE TABLE {parent}_7 PARTITION OF {parent} FOR VALUES IN ('2026-01-01')",
            )
    await asyncio.to_thread(command.check, alembic_config(settings))


async def test_three_processes_may_migrate_at_once(settings: Settings, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "DROP SCHEMA public CASCADE")
        await run_sql(session, "CREATE SCHEMA public")
    environment = {
        "DB_HOST": settings.db_host, "DB_PORT": str(settings.db_port), "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user, "DB_PASSWORD": settings.db_password.get_secret_value(),
    }  # fmt: skip

    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, env=environment)
        for _ in range(3)
    ]
    assert [await process.wait() for process in started] == [0, 0, 0]
    async with sessions() as session:
        assert (await run_sql(session, "SELECT count(*) FROM data_state")).scalar() == 1


async def test_upgrading_twice_changes_nothing(settings: Settings) -> None:
    await upgrade(settings)


async def test_a_schema_of_a_newer_version_is_refused_in_words(
    settings: Settings, sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE alembic_version SET version_num = '9999_future'")
    with pytest.raises(NewerSchemaError, match=r"9999_future.*start that version.*backup"):
        await upgrade(settings)


async def test_a_shop_of_the_first_schema_keeps_its_data_and_gets_the_new_index(
    settings: Settings, sessions
) -> None:
    config = alembic_config(settings)
    await asyncio.to_thread(command.downgrade, config, "0001")
    assert "INCLUDE" not in await _order_index(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO customers (customer_id) VALUES ('C1')")
        await run_sql(
            session,
            "INSERT INTO orders VALUES ('O1', 'C1', '2026-01-01Z', 19.99, 'EUR', 'completed')",
        )

    await upgrade(settings)

    assert await _order_index(sessions) == (
        "CREATE INDEX ix_orders_customer_id_order_date ON public.orders USING btree"
        " (customer_id, order_date) INCLUDE (order_amount, currency, status)"
    )
    async with sessions() as session:
        kept = await run_sql(session, "SELECT order_id, customer_id, order_amount FROM orders")
        assert kept.all() == [("O1", "C1", Decimal("19.9900"))]


async def _order_index(sessions) -> str:
    async with sessions() as session:
        found = await run_sql(
            session,
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_orders_customer_id_order_date'",
        )
        return str(found.scalar_one())


async def test_ids_that_are_the_same_now_are_joined(settings: Settings, sessions) -> None:
    """The later import's order stays; scores follow, and the lake is written anew."""
    config = alembic_config(settings)
    await asyncio.to_thread(command.downgrade, config, "0004")
    async with sessions() as session, session.begin():
        for statement in (
            "INSERT INTO imports (file_name, state, size_bytes, in_lake)"
            " SELECT 'f', 'loaded', 1, true FROM generate_series(1, 3)",
            "INSERT INTO customers (customer_id, email) VALUES ('17850.0', 'x@ex.test'),"
            " ('17850', NULL), ('Ada@Ex.test', NULL), ('ADA@ex.test', NULL), ('C1', NULL)",
            "INSERT INTO orders VALUES"
            " ('1.0', '17850.0', '2026-01-01Z', 5, '', 'completed', 1),"
            " ('1', '17850', '2026-01-01Z', 7, '', 'completed', 2),"
            " ('2.0', 'Ada@Ex.test', '2026-01-01Z', 9, '', 'completed', 1),"
            " ('3', 'ADA@ex.test', '2026-01-01Z', 1, '', 'completed', 1),"
            " ('4', 'C1', '2026-01-01Z', 1, '', 'completed', 3)",
        ):
            await run_sql(session, statement)
        before = (await run_sql(session, "SELECT data_version FROM data_state")).scalar_one()

    await asyncio.to_thread(command.upgrade, config, "0005")

    async with sessions() as session:
        orders = await run_sql(session, "SELECT order_id, customer_id, order_amount FROM orders")
        assert sorted(orders.all()) == [
            ("1", "17850", 7), ("2", "ada@ex.test", 9), ("3", "ada@ex.test", 1), ("4", "C1", 1),
        ]  # fmt: skip
        customers = await run_sql(session, "SELECT customer_id FROM customers ORDER BY 1")
        assert list(customers.scalars()) == ["17850", "C1", "ada@ex.test"]
        kept = await run_sql(session, "SELECT import_id FROM imports WHERE in_lake")
        assert list(kept.scalars()) == [3]
        after = (await run_sql(session, "SELECT data_version FROM data_state")).scalar_one()
        assert after == before + 1


async def test_models_of_older_runs_get_numbers(settings: Settings, sessions) -> None:
    """The same centroids and names are the same model; previews and unfinished runs have none."""
    config = alembic_config(settings)
    await asyncio.to_thread(command.downgrade, config, "0009")
    model = """'{"transform": "log1p", "mean": [0], "scale": [1], "lambdas": null,
                 "names": ["At Risk"], "centroids": [[%s]], "reason": "%s"}'"""
    asked = '\'{"k": 5, "transform": "log1p", "rule": "promises"%s}\''
    rows = (
        ("finished", asked % "", model % ("0.5", "")),
        ("finished", asked % "", model % ("0.25", "fitted afresh")),
        ("finished", asked % ', "preview": true', model % ("0.75", "")),
        ("finished", asked % "", model % ("0.5", "nothing clearly better")),
        ("failed", asked % "", "'{}'"),
        ("finished", '\'{"k": "auto"}\'', model % ("0.5", "")),
    )
    async with sessions() as session, session.begin():
        for row in rows:
            await run_sql(
                session,
                "INSERT INTO scoring_runs (state, trigger, window_days, engine, parameters, model)"
                " VALUES ('{}', 'api', 365, 'local', {}, {})".format(*row).replace(":", "\\:"),
            )

    await upgrade(settings)

    async with sessions() as session:
        runs = await run_sql(session, "SELECT model_version FROM scoring_runs ORDER BY run_id")
        assert list(runs.scalars()) == [1, 2, None, 1, None, 3]
        found = await run_sql(session, "SELECT version, k, rule, reason FROM model_versions"
                              " ORDER BY version")  # fmt: skip
        assert found.all() == [
            (1, "5", "promises", "no earlier model to start from"),
            (2, "5", "promises", "fitted afresh"),
            (3, "auto", "classic", "no earlier model to start from"),
        ]


async def test_customers_of_whom_files_said_number_and_address_are_joined(
    settings: Settings, sessions
) -> None:
    config = alembic_config(settings)
    await asyncio.to_thread(command.downgrade, config, "0013")
    async with sessions() as session, session.begin():
        for statement in (
            "INSERT INTO imports (file_name, state, size_bytes, in_lake)"
            " SELECT 'f', 'loaded', 1, true FROM generate_series(1, 2)",
            "INSERT INTO customers (customer_id, email, excluded_at) VALUES"
            " ('1', 'Ada@ex.test', NULL), ('ada@ex.test', NULL, '2026-01-01Z'),"
            " ('2', 'bo@ex.test', NULL), ('3', 'bo@ex.test', NULL), ('bo@ex.test', NULL, NULL)",
            "INSERT INTO orders (order_id, customer_id, order_date, order_amount, currency, status,"
            " import_id) VALUES ('A', 'ada@ex.test', '2026-01-01Z', 5, '', 'completed', 1),"
            " ('B', 'bo@ex.test', '2026-01-01Z', 5, '', 'completed', 2)",
        ):
            await run_sql(session, statement)

    await upgrade(settings)

    async with sessions() as session:
        orders = await run_sql(session, "SELECT order_id, customer_id, known_as FROM orders")
        assert sorted(orders.all()) == [("A", "1", "ada@ex.test"), ("B", "bo@ex.test", None)]
        excluded = await run_sql(
            session, "SELECT customer_id FROM customers WHERE excluded_at IS NOT NULL ORDER BY 1"
        )
        assert list(excluded.scalars()) == ["1", "ada@ex.test"]
        kept = await run_sql(session, "SELECT import_id FROM imports WHERE in_lake")
        assert list(kept.scalars()) == [2]

    await asyncio.to_thread(command.downgrade, config, "0013")
    async with sessions() as session:
        owners = await run_sql(session, "SELECT customer_id FROM orders ORDER BY 1")
        assert list(owners.scalars()) == ["ada@ex.test", "bo@ex.test"]


async def test_customers_of_older_snapshots_keep_their_order(settings: Settings, sessions) -> None:
    await open_shop(sessions)
    order = "SELECT customer_id FROM customer_clusters ORDER BY calc_date, segment_name, "
    async with sessions() as session:
        money = await run_sql(session, f"{order} sort_monetary DESC, customer_id")
        before = list(money.scalars())
    await asyncio.to_thread(command.downgrade, alembic_config(settings), "0018")
    async with sessions() as session:
        ranked = await run_sql(session, f"{order} segment_rank")
        assert list(ranked.scalars()) == before != []

    await upgrade(settings)

    async with sessions() as session:
        wrong = await run_sql(
            session,
            "SELECT count(*) FROM customer_clusters JOIN rfm_features USING (customer_id,"
            " calc_date) WHERE sort_monetary <> monetary",
        )
        assert wrong.scalar_one() == 0
