"""A Spark cluster: it groups, assigns and adds up; only sums and a sample come here."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions
from rfm_common.explain import SCORES, ScoringDefinition
from rfm_common.lake import live_imports, order_file
from rfm_common.settings import Rule, Settings
from rfm_spark import statements, sums
from rfm_spark.connect import Connection
from rfm_spark.dialect import SparkDialect
from rfm_spark.jdbc import as_of, database
from rfm_spark.ranks import values
from rfm_spark.tallies import Column
from scoring.engines import Engine, EngineAwayError, Placed
from scoring.model import Assignment, Model, Points
from scoring.snapshot import flows, frames, quiet, reading, writing
from scoring.snapshot.countries import Row, grid, summaries
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.features import Edges, Spec, features_sql
from scoring.snapshot.records import Aggregates, Base, Flows, Target, Totals
from scoring.snapshot.stats import Counted, exact, middle, stat

DIALECT = SparkDialect()
READ_AT_ONCE = 500_000
"""Orders that one connection to PostgreSQL reads, about; more connections read the others."""
READERS, WRITERS = 64, 8
WRITTEN_AT_ONCE = 250_000
PLACED = (
    "customer_id", *SCORES, *(f"{name[0]}_score" for name in SCORES), "country", "silent_days",
)  # fmt: skip


class SparkEngine:
    """Holds one run's snapshot as views of a session: `features`, `scored` and `placed`."""

    name = "spark"

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings, self._sessions = settings, sessions
        self._spark = Connection(settings.spark_remote)
        self._database = database(settings)
        self._parts: Sequence[str] = ()
        """Conditions that cut the customers into parts of about the same size."""
        self._customers = self._active = 0
        self._model: Model | None = None

    async def features(self, session: AsyncSession, spec: Spec, base: Base | None) -> Totals:
        """Group on the cluster; a base saves nothing where the orders are not."""
        await self._spark.open()
        self._model = None
        await self._read_shop(session)
        await self._spark.keep("features", _typed(features_sql(spec, DIALECT)))
        await self._spark.view("active", "SELECT * FROM features WHERE frequency > 0")
        totals = _totals(await self._spark.rows(sums.totals("features")))
        self._customers, self._active = totals.customers, totals.active_customers
        return totals

    async def _read_shop(self, session: AsyncSession) -> None:
        orders = await reading.estimated_orders(session)
        count = min(READERS, 1 + orders // READ_AT_ONCE)
        among = await reading.ranges(session, PostgresDialect(), count)
        self._parts = [one("customer_id") for one in among]
        source = as_of(self._database, await reading.export_snapshot(session))
        await self._spark.read_database("customers", source, "customers", self._parts)
        if self._settings.lake:
            await self._read_lake(session, self._settings.lake)
        else:
            await self._spark.read_database("orders", source, "orders", self._parts)

    async def _read_lake(self, session: AsyncSession, lake: str) -> None:
        """The same orders from the files of their imports."""
        live = await live_imports(session)
        if missing := [one.import_id for one in live if not one.in_lake]:
            raise EngineAwayError(
                f"{len(missing)} imports are not in the lake yet, such as import {missing[0]}:"
                " ingest writes them"
            )
        if live:
            await self._spark.read_files("files", [order_file(lake, one[0]) for one in live])
        else:
            await self._spark.view("files", statements.NO_ORDERS)
        versions = {one.import_id: one.data_version for one in live}
        await self._spark.view("orders", statements.newest("files", versions))

    async def release(self) -> None:
        """Leave the cluster."""
        await self._spark.close()

    async def active_values(self, positions: Sequence[int]) -> Mapping[str, dict[int, Decimal]]:
        """By a sketch and a count."""
        wanted = {0: (self._active, positions)}
        return {
            figure: (await values(self._spark, Column("active", figure), wanted))[0]
            for figure in SCORES
        }

    async def sample(self, limit: int, rule: Rule) -> Points:
        """Chosen by a checksum of the id; in the order of ids, as every engine has them."""
        columns = ", ".join(("customer_id", *SCORES))
        source, count = (
            ("features", self._customers) if rule == "classic" else ("active", self._active)
        )
        chosen = "" if count <= limit else (
            f" ORDER BY {sums.CHECKSUM}, customer_id LIMIT {limit:d}"
        )  # fmt: skip
        found = await self._spark.table(f"SELECT {columns} FROM {source}{chosen}")
        return await asyncio.to_thread(lambda: frames.numbers(found.sort("customer_id")))

    async def going_quiet(self, session: AsyncSession, spec: Spec, edges: Edges) -> pl.DataFrame:
        """On the cluster, which holds the orders as the session sees them."""
        going = quiet.is_going(spec, edges)
        source = f"(SELECT customer_id, silent_days FROM features WHERE {going})"
        found = await self._spark.table(quiet.spent_sql(spec, DIALECT, source))
        return found.cast(quiet.COLUMNS)

    async def score(self, edges: Edges) -> None:
        """Add the three scores."""
        await self._spark.view("scored", statements.scored("features", edges))

    async def recall(self, run_id: int) -> None:
        """As a view: nothing is read yet."""
        table = f"({reading.snapshot_query(run_id)}) AS snapshot"
        await self._spark.read_database("before", self._database, table, self._parts)

    async def assign(
        self, model: Model, known: Assignment | None, *, from_before: bool = False
    ) -> Placed:
        """Generated SQL for everybody, also for those whom the model was fitted on."""
        self._model = model
        source, earlier = "scored", "NULL"
        if from_before:
            source, earlier = statements.with_earlier("scored", "before"), "s.earlier_segment"
        assigned = statements.assigned(source, PLACED, model, DIALECT, earlier)
        await self._spark.keep("placed", assigned)
        [found] = await self._spark.rows(sums.placed("placed"))
        return Placed(float(found["inertia"]), int(found["held"]) if from_before else None)

    async def aggregate(self, names: Sequence[str]) -> Aggregates:
        """Add up by cluster, by country and by cell, there; put together here."""
        median = (await self._spark.rows(sums.median_recency("features")))[0]["median"]
        if not names:
            return Aggregates(
                stats=[], grid=grid(await self._spark.table(sums.grid("scored"))), samples=[],
                segment_countries=[], country_summaries=[], median_recency_days=median,
            )  # fmt: skip
        counted = await self._counted()
        countries, segments = await self._by_country()
        return Aggregates(
            stats=_stats(counted, names),
            grid=grid(await self._spark.table(sums.grid("placed"))),
            samples=await self._samples(counted),
            segment_countries=segments, country_summaries=countries, median_recency_days=median,
        )  # fmt: skip

    async def _counted(self) -> dict[int, Counted]:
        rows = {row.pop("cluster_id"): row
                for row in await self._spark.rows(sums.clusters("placed"))}  # fmt: skip
        wanted = {number: (row["customers"], middle(row["customers"]))
                  for number, row in rows.items()}  # fmt: skip
        column = Column("placed", "monetary", "cluster_id")
        money = await values(self._spark, column, wanted)
        for number, found in money.items():
            pair = [found[place] for place in wanted[number][1]]
            rows[number]["median_monetary"] = sum(pair, Decimal(0)) / 2
        return {number: Counted(**row) for number, row in rows.items()}

    async def _by_country(self) -> tuple[list[Row], list[Row]]:
        await self._spark.view("common", sums.of_common_countries("placed"))
        segments = await self._spark.table(sums.segments_of_countries("common"))
        totals = await self._spark.table(sums.countries("common"))
        cells = await self._spark.table(sums.grid("common", "place AS country"))
        return summaries(totals, cells), segments.sort("country", "cluster_id").rows(named=True)

    async def _samples(self, counted: Mapping[int, Counted]) -> list[Row]:
        """At most 3,000 customers, each cluster in proportion, by a checksum of the id."""
        quotas = {
            number: frames.quota(one.customers, self._customers, len(counted))
            for number, one in counted.items()
        }
        query = sums.some("placed", {n: quotas[n] / one.customers for n, one in counted.items()})
        found = (await self._spark.table(query)).sort("checksum", "customer_id")
        chosen = [
            part.head(quotas[int(number)]) for (number,), part in found.group_by("cluster_id")
        ]
        return [row for part in chosen for row in part.drop("checksum").rows(named=True)]

    async def flows(self, then: ScoringDefinition, now: ScoringDefinition) -> Flows:
        """Join there."""
        query = statements.flows("before", "placed", then, now, DIALECT)
        return flows.gathered(await self._spark.rows(query))

    async def write_features(self, target: Target) -> int | None:
        """By parallel writers into the run's own table."""
        columns = ", ".join(frames.FEATURE_COLUMNS)
        await self._write("rfm_features", target, f"SELECT {columns} FROM scored")
        return None

    async def write_clusters(self, target: Target) -> int | None:
        """Likewise."""
        if self._model is None:
            await writing.fill(self._sessions, "customer_clusters", target, [])
            return None
        query = (
            "SELECT customer_id, cluster_id, segment_name, monetary AS sort_monetary,"
            f" {statements.centres(self._model, DIALECT)},"
            " round(distance, 6) AS distance, round(next_distance, 6) AS next_distance FROM placed"
        )
        await self._write("customer_clusters", target, query)
        return None

    async def _write(self, parent: str, target: Target, query: str) -> None:
        table = await writing.prepare(self._sessions, parent, target)
        writers = min(WRITERS, 1 + self._customers // WRITTEN_AT_ONCE)
        await self._spark.write(query, self._database, table, writers)
        if not await writing.complete(self._sessions, parent, target, self._customers):
            raise EngineAwayError(f"Spark lost a part of its rows for {table}")


def open_engine(settings: Settings, sessions: Sessions) -> Engine:
    """The engine, as scoring asks for it by name."""
    return SparkEngine(settings, sessions)


def _typed(query: str) -> str:
    """With the types of the tables; what does not fit is an error."""
    return (
        "SELECT customer_id, CAST(recency_days AS int) AS recency_days,"
        f" CAST(frequency AS int) AS frequency, CAST(monetary AS {statements.MONEY}) AS monetary,"
        f" CAST(left_out AS int) AS left_out, country,"
        f" CAST(silent_days AS int) AS silent_days FROM ({query}) f"
    )


def _totals(rows: Sequence[Mapping[str, Any]]) -> Totals:
    found = {name: value or 0 for name, value in rows[0].items()}
    monetary = exact(Decimal(found.pop("monetary")))
    return Totals(monetary=monetary, **found)


def _stats(counted: Mapping[int, Counted], names: Sequence[str]) -> list[Row]:
    customers = sum(one.customers for one in counted.values())
    monetary = exact(sum((one.monetary for one in counted.values()), Decimal(0)))
    return [
        stat(number, name, counted.get(number, Counted()), customers, monetary)
        for number, name in enumerate(names)
    ]
