"""One SQL for every engine: PostgreSQL and DuckDB run it here, Spark in tests/cluster."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol

import duckdb
import polars as pl
import pytest
import pytest_asyncio
from polars.testing import assert_frame_equal
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions, raw_connection, run_sql
from rfm_common.explain import SCORES, ScoringDefinition
from rfm_common.settings import Transform
from rfm_spark import statements, sums
from scoring.model import Model, Points, Recipe, fit
from scoring.snapshot import flows, frames, reading
from scoring.snapshot.dialects import Dialect, PostgresDialect
from scoring.snapshot.features import Edges, Spec, edge_positions, edges_at, features_sql
from tests.integration.scoring.shops import CALC_DATE, fill, shop_of, spec_of

SCORED = ("customer_id", *SCORES, *(f"{name[0]}_score" for name in SCORES))
EXACT = ("cluster_id", "segment_name", *SCORED)


class DuckDialect(PostgresDialect):
    """DuckDB speaks PostgreSQL's SQL, but for the difference of moments."""

    def whole_days(self, start: str, end: str) -> str:
        return f"CAST(datesub('day', {start}, {end}) AS integer)"


class Database(Protocol):
    dialect: ClassVar[Dialect]

    async def run(self, statement: str) -> list[dict[str, Any]]: ...


@dataclass
class Postgres:
    session: AsyncSession
    dialect: ClassVar[Dialect] = PostgresDialect()

    async def run(self, statement: str) -> list[dict[str, Any]]:
        found = await run_sql(self.session, statement.replace(":", "\\:"))
        return [dict(row) for row in found.mappings()] if found.returns_rows else []


@dataclass
class Duck:
    connection: duckdb.DuckDBPyConnection
    dialect: ClassVar[Dialect] = DuckDialect()

    async def run(self, statement: str) -> list[dict[str, Any]]:
        found = self.connection.execute(statement)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


ORDERS = ("order_id VARCHAR, customer_id VARCHAR, order_date TIMESTAMPTZ,"
          " order_amount DECIMAL(18,4), currency VARCHAR, status VARCHAR")  # fmt: skip
CUSTOMERS = (
    "customer_id VARCHAR, country VARCHAR, created_at TIMESTAMPTZ, excluded_at TIMESTAMPTZ,"
    " joined_to VARCHAR"
)


async def duck(session: AsyncSession, folder: Path) -> Duck:
    """DuckDB with the same customers and orders."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    raw = await raw_connection(session)
    for table, columns in (("orders", ORDERS), ("customers", CUSTOMERS)):
        names = ", ".join(column.split()[0] for column in columns.split(", "))
        path = folder / f"{table}.csv"
        await raw.copy_from_query(f"SELECT {names} FROM {table}", output=str(path), format="csv")
        connection.execute(f"CREATE TABLE {table} ({columns})")
        connection.execute(f"COPY {table} FROM '{path}' (FORMAT csv, ALLOW_QUOTED_NULLS false)")
    return Duck(connection)


@dataclass
class InMemory:
    """What the one-machine engine makes of the shop."""

    spec: Spec
    frame: pl.DataFrame
    edges: Edges

    @classmethod
    async def of(cls, session: AsyncSession, spec: Spec) -> "InMemory":
        query = features_sql(spec, PostgresDialect())
        frame = frames.read_features(await reading.copy_out(session, query))
        active = frames.totals(frame).active_customers
        values = frames.active_values(frame, edge_positions(active))
        edges = {name: edges_at(values[name], active) for name in values}
        return cls(spec, frames.score(frame, edges), edges)

    def placed(self, model: Model) -> pl.DataFrame:
        return frames.assign(self.frame, model, model.assign(buyers(self.frame)))


def buyers(frame: pl.DataFrame) -> Points:
    return frames.numbers(frames.clustered(frame, "promises"))


@pytest_asyncio.fixture
async def memory(sessions: Sessions) -> AsyncGenerator[tuple[AsyncSession, InMemory]]:
    shop = shop_of(11, 600)
    await fill(sessions, shop)
    async with sessions() as session, session.begin():
        yield session, await InMemory.of(session, spec_of(shop, zone="Europe/Berlin"))


@pytest_asyncio.fixture(params=["postgresql", "duckdb"])
async def database(request, memory, tmp_path_factory) -> Database:
    session = memory[0]
    if request.param == "postgresql":
        return Postgres(session)
    folder = tmp_path_factory.mktemp("duck")
    folder.chmod(0o755)
    return await duck(session, folder)


async def table(database: Database, name: str, query: str) -> None:
    await database.run(f"CREATE TEMP TABLE {name} AS {query}")


async def rows(database: Database, name: str) -> pl.DataFrame:
    found = await database.run(f"SELECT * FROM {name} ORDER BY customer_id")
    return pl.DataFrame(found, infer_schema_length=None)


def alike(one: pl.DataFrame, other: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """To the last digit."""
    plain = [
        frame.sort("customer_id").select(pl.col(name).cast(pl.String) for name in columns)
        for frame in (one, other)
    ]
    assert_frame_equal(*plain)


async def scored(database: Database, memory: InMemory) -> None:
    await table(database, "features", features_sql(memory.spec, database.dialect))
    await table(database, "scored", statements.scored("features", memory.edges))


async def test_figures_and_scores_are_equal_to_the_last_digit(database, memory) -> None:
    await scored(database, memory[1])
    found = await rows(database, "scored")
    money = pl.col("monetary").cast(frames.MONEY)
    alike(found.with_columns(money), memory[1].frame, SCORED)


async def test_first_buyers_are_told_apart_alike(database, memory) -> None:
    """Of every cluster, if they ordered once within half a year."""
    names = ("Hibernating", "At Risk", "Loyal Customers", "Need Attention")
    fitted = fit(buyers(memory[1].frame), 4, Recipe(42, "log1p"))
    model = replace(fitted, names=names, fresh_days=180)
    expected = memory[1].placed(model)
    assert (expected["cluster_id"] == model.firsts).sum() > 0
    await scored(database, memory[1])
    columns = (*SCORED, "country", "silent_days")
    assigned = statements.assigned("scored", columns, model, database.dialect)
    await table(database, "placed", assigned)
    found = await rows(database, "placed")
    alike(found.with_columns(pl.col("monetary").cast(frames.MONEY)), expected, EXACT)
    [sum_of_all] = await database.run(sums.placed("placed"))
    assert sum_of_all["inertia"] == pytest.approx(model.assign(buyers(memory[1].frame)).inertia)


@pytest.mark.parametrize("transform", ["log1p", "yeo-johnson", "none"])
@pytest.mark.parametrize("k", [1, 4])
async def test_everyone_gets_the_same_cluster(
    database, memory, transform: Transform, k: int
) -> None:
    model = fit(buyers(memory[1].frame), k, Recipe(42, transform))
    await scored(database, memory[1])
    columns = (*SCORED, "country", "silent_days")
    assigned = statements.assigned("scored", columns, model, database.dialect)
    await table(database, "placed", assigned)
    found, expected = await rows(database, "placed"), memory[1].placed(model)
    alike(found.with_columns(pl.col("monetary").cast(frames.MONEY)), expected, EXACT)
    distances = ("distance", "next_distance")
    assert_frame_equal(
        found.select(pl.col(distances).cast(pl.Float64)),
        expected.sort("customer_id").select(distances), rel_tol=1e-9, abs_tol=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize("k", [1, 4, 7])
async def test_everyone_near_a_border_stays_alike(database, memory, k: int) -> None:
    """From segments of another day, and by a margin that holds many."""
    session, now = memory
    past = replace(spec_of(shop_of(11, 600), CALC_DATE - timedelta(days=35)), as_of=True)
    model = replace(fit(buyers(now.frame), k, Recipe(42, "log1p")), margin=0.8)
    before = (await InMemory.of(session, past)).placed(model)
    nearest = model.assign(buyers(now.frame))
    chosen = frames.clustered(now.frame, "promises")
    held = frames.held(chosen, model, nearest, before)
    assert k == 1 or (held.labels != nearest.labels).sum() > 2
    await scored(database, now)
    await put(database, "before", before)
    columns = (*SCORED, "country", "silent_days")
    source = statements.with_earlier("scored", "before")
    query = statements.assigned(source, columns, model, database.dialect, "s.earlier_segment")
    await table(database, "placed", query)
    found, expected = await rows(database, "placed"), frames.assign(now.frame, model, held)
    alike(found.with_columns(pl.col("monetary").cast(frames.MONEY)), expected, EXACT)
    [placed] = await database.run(sums.placed("placed"))
    assert placed["inertia"] == pytest.approx(nearest.inertia)
    assert placed["held"] == (held.next_distance < held.distance).sum()


def definition(spec: Spec, model: Model, calc_date: datetime) -> ScoringDefinition:
    return ScoringDefinition(
        calc_date=calc_date, window_days=spec.window_days, base_currency=spec.base_currency,
        edges={}, model=model.data(), measured={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("window_days", "ks", "margin"), [(365, (3, 4), 0), (364, (3, 4), 0), (365, (4, 4), 0.4)]
)
async def test_flows_and_their_causes_are_the_same(
    database, memory, window_days: int, ks: tuple[int, int], margin: float
) -> None:
    session, now = memory
    earlier = CALC_DATE - timedelta(days=35)
    past = replace(spec_of(shop_of(11, 600), earlier, "Europe/Berlin"), as_of=True)
    then = await InMemory.of(session, past)
    pairs = zip((then, now), ks, strict=True)
    models = [replace(fit(buyers(one.frame), k, Recipe(42, "log1p")), margin=margin)
              for one, k in pairs]  # fmt: skip
    before, after = then.placed(models[0]), now.placed(models[1])
    definitions = (
        definition(replace(past, window_days=window_days), models[0], earlier),
        definition(now.spec, models[1], CALC_DATE),
    )
    for name, frame in (("before", before), ("after", after)):
        await put(database, name, frame)
    query = statements.flows("before", "after", *definitions, database.dialect)
    expected = flows.compare(before, after, *definitions)
    assert flows.gathered(await database.run(query)) == expected
    assert {row.cause for row in expected.rows} >= {"new_customer", "stayed"}


async def put(database: Database, name: str, frame: pl.DataFrame) -> None:
    """A snapshot as a table of the database."""
    columns = (
        "customer_id VARCHAR, recency_days INT, frequency INT, monetary DECIMAL(24,4),"
        " segment_name VARCHAR"
    )
    await database.run(f"CREATE TEMP TABLE {name} ({columns})")
    text = database.dialect.text
    lines = ", ".join(
        f"({text(row[0])}, {row[1]}, {row[2]}, {row[3]}, {text(row[4])})"
        for row in frame.select("customer_id", *SCORES, "segment_name").iter_rows()
    )
    await database.run(f"INSERT INTO {name} VALUES {lines}")
