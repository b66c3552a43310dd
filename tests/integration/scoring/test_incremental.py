"""A run that builds on the one before gives, to the last digit, what a run from nothing gives."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rfm_common.db import Sessions, run_sql
from rfm_common.models import ScoringRun
from rfm_common.snapshots import PARENTS
from rfm_common.versions import next_version
from scoring.engines.local import LocalEngine
from scoring.snapshot import writing
from tests.integration.scoring.shop import ShopOrder, caught_up, load, score, snapshot
from tests.integration.scoring.test_days import DAY, TODAY, YESTERDAY, orders_of

SAME = ("recency_days", "frequency", "monetary", "r_score", "f_score", "m_score", "cluster_id",
        "segment_name", "distance", "next_distance")  # fmt: skip
FOUND = ("edges", "model", "metrics", "warnings", "customers_processed", "base_currency")


@dataclass
class Growing:
    """A shop to which something happens, again and again."""

    sessions: Sessions
    rng: random.Random
    orders: dict[str, ShopOrder] = field(default_factory=dict)

    async def add(self, *orders: ShopOrder, customers: tuple[str, ...] = ()) -> None:
        self.orders |= {one.order_id: one for one in orders}
        await load(self.sessions, orders, customers)

    def order(self, customer: str = "", **more: Any) -> ShopOrder:
        """A new one, of somebody who is known."""
        bought = TODAY - timedelta(hours=self.rng.randrange(1, 9_000))
        amount = Decimal(self.rng.randrange(100, 90_000)) / 100
        known = ShopOrder(f"N{self.rng.getrandbits(60)}", customer or self.any().customer_id,
                          bought, amount)  # fmt: skip
        return replace(known, **more)

    def any(self) -> ShopOrder:
        return self.orders[self.rng.choice(sorted(self.orders))]

    async def buy(self) -> None:
        await self.add(*(self.order() for _ in range(5)))

    async def refund(self) -> None:
        await self.add(self.order(amount=Decimal("-7.5")))

    async def come(self) -> None:
        """Two who are new: one of them never bought, and sorts before everybody."""
        name = str(self.rng.getrandbits(60))
        await self.add(self.order(f"C{name}"), customers=(f"A{name}",))

    async def change(self, **how: Any) -> None:
        await self.add(replace(self.any(), **how))
        async with self.sessions() as session, session.begin():
            await run_sql(session, "UPDATE imports SET rows_new = 0, rows_updated = 1"
                          " WHERE import_id = (SELECT max(import_id) FROM imports)")  # fmt: skip

    async def correct(self) -> None:
        await self.change(amount=Decimal("123.45"))

    async def cancel(self) -> None:
        await self.change(status="refunded")

    async def move(self) -> None:
        await self.change(customer_id=self.any().customer_id)

    async def undo(self) -> None:
        """What the newest import brought is taken away."""
        await self._run("DELETE FROM orders WHERE import_id = (SELECT max(import_id) FROM imports)")

    async def erase(self) -> None:
        """Somebody, from the snapshots as well."""
        customer = f"'{self.any().customer_id}'"
        tables = ("orders", "customer_clusters", "rfm_features", "customers")
        await self._run(*(f"DELETE FROM {one} WHERE customer_id = {customer}" for one in tables))
        self.orders = {key: one for key, one in self.orders.items()
                       if f"'{one.customer_id}'" != customer}  # fmt: skip

    async def _run(self, *statements: str) -> None:
        async with self.sessions() as session, session.begin():
            for statement in statements:
                await run_sql(session, statement)
            await next_version(session)

    async def exchange(self) -> None:
        """An order in another currency, and a rate for it."""
        await self.add(self.order(currency="USD"))
        days = timedelta(days=self.rng.randrange(400))
        rate = str(Decimal(self.rng.randrange(1, 300)) / 100)
        await load(self.sessions, rates=[("USD", (TODAY - days).date(), rate)])


ACTS: list[Callable[[Growing], Awaitable[None]]] = [
    Growing.buy, Growing.refund, Growing.come, Growing.correct, Growing.cancel, Growing.move,
    Growing.undo, Growing.erase, Growing.exchange,
]  # fmt: skip


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(st.sampled_from(ACTS), min_size=2, max_size=5), seed=st.integers(0, 99))
@example(acts=[Growing.buy, Growing.come, Growing.exchange, Growing.buy], seed=1)
@example(acts=[Growing.erase, Growing.buy, Growing.undo, Growing.buy, Growing.refund], seed=2)
async def test_whatever_happens_the_result_is_that_of_a_full_run(
    configured, sessions, redis, acts, seed
) -> None:
    await _empty(sessions)
    shop, worker = Growing(sessions, random.Random(seed)), LocalEngine(sessions)
    await shop.add(*orders_of(1, 220))
    await caught_up(sessions)
    await score(configured, sessions, redis, YESTERDAY, worker)
    await score(configured, sessions, redis, DAY, worker)
    for act in acts:
        await act(shop)
        await caught_up(sessions)
        quick = await score(configured, sessions, redis, DAY, worker)
        other = LocalEngine(sessions)
        full = await score(configured, sessions, redis, replace(DAY, preview=True), other)
        assert [getattr(quick, name) for name in FOUND] == [getattr(full, name) for name in FOUND]
        assert await figures(sessions, quick) == await figures(sessions, full)
        assert await published(sessions, quick) == held_by(other)


async def published(sessions: Sessions, run: ScoringRun) -> dict[str, list[Any]]:
    rows = await snapshot(sessions, run.calc_date)
    assert all(row["sort_monetary"] == row["monetary"] for row in rows.values())
    return {customer: [row[name] for name in SAME] for customer, row in rows.items()}


def held_by(engine: LocalEngine) -> dict[str, list[Any]]:
    """What a run found, in memory."""
    rounded = engine._frame.with_columns(pl.col("distance", "next_distance").round(6))
    return {row[0]: list(row[1:]) for row in rounded.select("customer_id", *SAME).iter_rows()}


async def figures(sessions: Sessions, run: ScoringRun) -> list[Any]:
    """What a run has added up."""
    async with sessions() as session:
        return [
            (await run_sql(session, f"SELECT to_jsonb(t) - 'run_id' FROM {table} t"
                           " WHERE run_id = :run ORDER BY 1", run=run.run_id)).scalars().all()
            for table in ("segment_stats", "segment_countries", "country_summaries",
                          "segment_flows", "quiet_customers")
        ]  # fmt: skip


async def _empty(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        for parent in PARENTS:
            found = await run_sql(session, "SELECT relname FROM pg_class WHERE relkind = 'r'"
                                  f" AND relname ~ '^{parent}_[0-9]'")  # fmt: skip
            for name in found.scalars().all():
                await run_sql(session, f"DROP TABLE {name}")
        await run_sql(session, "TRUNCATE orders, customers, imports, scoring_runs, exchange_rates"
                      " RESTART IDENTITY CASCADE")  # fmt: skip


@pytest.fixture
def configured(settings):
    """By another name: hypothesis has settings, too."""
    return settings.model_copy(update={"currency": "EUR"})


async def test_only_rows_that_differ_are_written(configured, sessions, redis, monkeypatch) -> None:
    """Both tables stay what they were, but for their names; readers see the change at once."""
    shop, worker = Growing(sessions, random.Random(3)), LocalEngine(sessions)
    await shop.add(*orders_of(1, 220))
    await caught_up(sessions)
    await score(configured, sessions, redis, YESTERDAY, worker)
    first = await score(configured, sessions, redis, DAY, worker)
    before = await published(sessions, first)
    tables = [await table_of(sessions, parent, first) for parent in PARENTS]
    written, fill = [], writing.fill

    async def counted(*arguments: Any) -> None:
        await fill(*arguments)
        parent, target = arguments[1:3]
        async with sessions() as session:
            staged = writing.staged(parent, target.run_id, target.fence)
            found = await run_sql(session, f"SELECT customer_id FROM {staged}")
            written.append(set(found.scalars().all()))

    await shop.buy()
    await caught_up(sessions)
    monkeypatch.setattr(writing, "fill", counted)
    second = await score(configured, sessions, redis, DAY, worker)
    assert [await table_of(sessions, parent, second) for parent in PARENTS] == tables
    after = await published(sessions, second)
    changed = {customer for customer in after if after[customer] != before.get(customer)}
    assert set.union(*written) == changed
    assert 0 < len(changed) < 30


async def table_of(sessions: Sessions, parent: str, run: ScoringRun) -> int:
    async with sessions() as session:
        found = await run_sql(session, f"SELECT CAST('{parent}_{run.run_id}'::regclass AS oid)")
        return int(found.scalar_one())
