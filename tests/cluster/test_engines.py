"""Both engines on one shop: the same figures, scores, model, segments, sums and flows."""

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
import pytest_asyncio

from rfm_common.db import Sessions, run_sql
from rfm_common.runs import RunRequest
from rfm_common.settings import Settings
from rfm_common.snapshots import VALUES, delete_snapshot
from scoring.runs import compute
from scoring.runs.forecasts import forecast_next
from tests.integration.scoring.shop import run_of, score, snapshot
from tests.integration.scoring.shops import CALC_DATE, fill, shop_of

ODD = ("O'Neil", "back\\slash", "zwei\tTabs", "ünï-ço∂é", '"quoted"', "-- comment", "a,b", "'';")


@pytest_asyncio.fixture
async def shop(sessions: Sessions) -> None:
    """Ties, refunds, zones, currencies with and without rates, odd ids, countries, gaps."""
    made = shop_of(7, 900)
    orders = [
        replace(order, customer_id=ODD[number % len(ODD)]) if number % 9 == 0 else order
        for number, order in enumerate(made.orders)
    ]
    await fill(sessions, replace(made, orders=orders))
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "UPDATE customers SET country = (ARRAY['DE', 'FR', '', 'Côte d''Ivoire', NULL])"
            "[1 + length(customer_id) % 5]",
        )


def on_spark(settings: Settings, remote: str) -> Settings:
    return settings.model_copy(update={"engine": "spark", "spark_remote": remote})


def in_berlin(settings: Settings) -> Settings:
    """Where the clock was changed two days before CALC_DATE, and twice in its window."""
    return settings.model_copy(update={"timezone": "Europe/Berlin"})


ASKED = RunRequest(calc_date=CALC_DATE, k=4)


async def stored(sessions: Sessions, run_id: int | None) -> dict[str, list[dict[str, object]]]:
    """What pages read of a run besides its row and its customers."""
    tables = {
        "segment_stats": "cluster_id", "segment_countries": "country, cluster_id",
        "country_summaries": "country", "segment_flows": "from_segment, to_segment, cause",
        "quiet_customers": "customer_id",
    }  # fmt: skip
    found = {}
    async with sessions() as session:
        for table, order in tables.items():
            query = f"SELECT * FROM {table} WHERE run_id = :run ORDER BY {order}"
            rows = (await run_sql(session, query, run=run_id)).mappings()
            found[table] = [dict(row) | {"run_id": 0} for row in rows]
    return found


async def lay(sessions: Sessions, folder: Path) -> None:
    """The orders as two imports' files: the first has older versions of what the second changed."""
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO imports (file_name, kind, state, sha256, size_bytes,"
                      " data_version) SELECT 'more.csv', kind, state, 'more', 1, data_version + 1"
                      " FROM imports")  # fmt: skip
        await run_sql(session, "UPDATE imports SET in_lake = TRUE")
        await run_sql(session, "UPDATE data_state SET data_version = data_version + 1")
        first, second = [row[0] for row in await run_sql(
            session, "SELECT import_id FROM imports ORDER BY data_version")]  # fmt: skip
        found = await run_sql(session, "SELECT order_id, customer_id, order_date, order_amount,"
                              " currency, status, COALESCE(status_word, status) AS status_word"
                              " FROM orders")  # fmt: skip
        orders = pl.DataFrame([dict(row) for row in found.mappings()], schema=COLUMNS)
    changed = orders.gather_every(3)
    older = changed.with_columns(
        status=pl.lit("completed"), order_amount=pl.col("order_amount") * 2
    )
    rest = orders.join(changed, on="order_id", how="anti")
    (folder / "orders").mkdir(parents=True)
    for number, frame in ((first, pl.concat([older.cast(COLUMNS), rest])), (second, changed)):
        numbered = frame.select(pl.lit(number, dtype=pl.Int64).alias("import_id"), *COLUMNS)
        numbered.write_parquet(folder / "orders" / f"import-{number}.parquet")


COLUMNS = {
    "order_id": pl.String(), "customer_id": pl.String(), "order_date": pl.Datetime("us", "UTC"),
    "order_amount": pl.Decimal(18, 4), "currency": pl.String(), "status": pl.String(),
    "status_word": pl.String(),
}  # fmt: skip


@pytest_asyncio.fixture(params=["database", "lake"])
async def spark(request, shop, settings, sessions, cluster) -> Settings:
    """Settings of a worker that lets the cluster read the orders from there.

    With the lake the customers are too many for the fit, so that both engines draw a sample.
    """
    asked = in_berlin(on_spark(settings, cluster.remote))
    if request.param == "database":
        return asked
    request.getfixturevalue("monkeypatch").setattr(compute, "FIT_LIMIT", 25)
    folder = settings.data_dir.absolute() / "lake"
    await lay(sessions, folder)
    return asked.model_copy(update={"lake": folder.as_uri()})


async def test_both_engines_tell_the_same(spark, settings, sessions, redis) -> None:
    before, settings = (
        RunRequest(calc_date=CALC_DATE - timedelta(days=40), k=4),
        in_berlin(settings),
    )
    await score(settings, sessions, redis, before)
    local = await score(settings, sessions, redis, ASKED)
    here, told = await snapshot(sessions, CALC_DATE), await stored(sessions, local.run_id)
    async with sessions() as session, session.begin():  # or its model would be that of the day
        await delete_snapshot(session, local.run_id, "local")
    remote = await score(spark, sessions, redis, ASKED)
    assert (remote.engine, remote.state, remote.error) == ("spark", "finished", None)
    assert remote.model["fitted_on"] == (25 if spark.lake else local.summary["active_customers"])
    assert remote.edges == local.edges
    assert remote.model == local.model
    assert remote.summary == local.summary
    assert remote.warnings == local.warnings
    assert remote.metrics == local.metrics | {"inertia": pytest.approx(local.metrics["inertia"])}
    assert await stored(sessions, remote.run_id) == told
    assert rounded(await snapshot(sessions, CALC_DATE)) == rounded(here)


@pytest.mark.parametrize("spark", ["database"], indirect=True)
async def test_both_engines_hold_the_same_customers(
    spark, settings, sessions, redis, monkeypatch
) -> None:
    """From a snapshot of the same model, with a margin that holds some of so few."""
    monkeypatch.setattr(import_module("scoring.model.fit"), "MARGIN", 0.5)
    settings = in_berlin(settings)
    model_run_id = (await score(settings, sessions, redis, ASKED)).run_id
    asked = replace(ASKED, model_run_id=model_run_id)
    before = replace(asked, calc_date=CALC_DATE - timedelta(days=40))
    await score(settings, sessions, redis, before)
    local = await score(settings, sessions, redis, asked)
    here, told = await snapshot(sessions, CALC_DATE), await stored(sessions, local.run_id)
    assert local.metrics["held"]["customers"] > 0
    remote = await score(spark, sessions, redis, asked)
    assert (remote.engine, remote.state, remote.error) == ("spark", "finished", None)
    assert remote.metrics == local.metrics | {"inertia": pytest.approx(local.metrics["inertia"])}
    assert await stored(sessions, remote.run_id) == told
    assert rounded(await snapshot(sessions, CALC_DATE)) == rounded(here)


async def test_figures_do_not_depend_on_the_engine_of_the_snapshot(
    spark, settings, sessions, redis
) -> None:
    """They are computed from PostgreSQL for both; the model is fitted twice."""
    told = {}
    for engine, asked in (("local", in_berlin(settings)), ("spark", spark)):
        run = await score(asked, sessions, redis, ASKED)
        assert (run.engine, run.error) == (engine, None)
        while await forecast_next(asked, sessions):
            pass
        found = (await run_of(sessions, run.run_id)).forecast
        told[engine] = await values(sessions), found["model"], found["totals"], found["clusters"]
        assert found["reason"] == "The first model."
        async with sessions() as session, session.begin():
            await run_sql(session, "UPDATE scoring_runs SET forecast = '{}'")
    assert len(told["local"][0]) > 40
    assert told["spark"] == told["local"]


async def values(sessions: Sessions) -> list[dict[str, object]]:
    """Everybody's expected figures, to the last digit."""
    async with sessions() as session:
        query = f"SELECT * FROM {VALUES} WHERE calc_date = :moment ORDER BY customer_id"
        found = await run_sql(session, query, moment=CALC_DATE)
        return [dict(row) for row in found.mappings()]


def rounded(snapshot: dict[str, dict[str, object]]) -> dict[str, list[object]]:
    """A distance may differ in its sixteenth digit, and be stored with six."""
    return {
        customer: [round(value, 5) if isinstance(value, float) else value
                   for name, value in row.items() if name != "cluster_score"]
        for customer, row in snapshot.items()
    }  # fmt: skip
