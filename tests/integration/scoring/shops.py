"""Shops with everything that makes figures go wrong: ties, refunds, zones, currencies, gaps."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from rfm_common.db import Sessions, run_sql
from scoring.snapshot import frames, reading
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.features import Rate, Spec, daily_rates, edge_positions, edges_at
from tests.integration.scoring.shop import ShopOrder, at, load
from tests.unit.scoring import oracle
from tests.unit.scoring.oracle import OracleOrder, OracleRow

CALC_DATE = at("2026-03-31 21:30")
CURRENCIES = ("EUR", "EUR", "EUR", "", "USD", "JPY", "XAU")
STATUSES = ("completed",) * 6 + ("cancelled", "refunded")
RATES: tuple[tuple[str, date, str], ...] = (
    ("USD", date(1, 1, 1), "0.9"), ("USD", date(2026, 2, 1), "0.876543210987"),
    ("JPY", date(2026, 1, 10), "0.0061"), ("EUR", date(1, 1, 1), "1"),
)  # fmt: skip


@dataclass(frozen=True)
class Shop:
    orders: Sequence[ShopOrder]
    customers: Sequence[str] = ()
    rates: Sequence[tuple[str, date, str]] = ()


def shop_of(seed: int, size: int = 120) -> Shop:
    """A random shop; the last customers never order, the first orders sit on window bounds."""
    rng = random.Random(seed)
    edges = [CALC_DATE, CALC_DATE + timedelta(microseconds=1), CALC_DATE - timedelta(days=365),
             CALC_DATE - timedelta(days=365, microseconds=1)]  # fmt: skip
    moments = edges + [CALC_DATE - timedelta(seconds=rng.randrange(-86_400, 400 * 86_400))
                       for _ in range(size)]  # fmt: skip
    orders = [
        ShopOrder(
            f"O{number}", f"C{int(rng.triangular(0, 40, 0))}", moment,
            Decimal(rng.choice((1000, 1999, rng.randrange(-5000, 90_000)))) / 100,
            rng.choice(CURRENCIES), rng.choice(STATUSES),
        )
        for number, moment in enumerate(moments)
    ]  # fmt: skip
    return Shop(orders, [f"never-{number}" for number in range(3)], RATES)


ORDERS = st.builds(
    ShopOrder,
    order_id=st.uuids().map(str),
    customer_id=st.sampled_from([f"C{number}" for number in range(8)]),
    order_date=st.datetimes(datetime(2025, 1, 1), datetime(2026, 4, 2)).map(  # noqa: DTZ001
        lambda moment: moment.replace(tzinfo=CALC_DATE.tzinfo)
    ),
    amount=st.decimals(-100, 10_000, places=2),
    currency=st.sampled_from(["", "EUR", "USD"]),
    status=st.sampled_from(["completed", "completed", "cancelled"]),
)
SHOPS = st.builds(
    Shop,
    st.lists(ORDERS, min_size=1, max_size=25),
    st.just(("never",)),
    st.just((("USD", date(2025, 1, 1), "1.25"), ("EUR", date(2025, 1, 1), "0.8"))),
)


def spec_of(shop: Shop, calc_date: datetime = CALC_DATE, zone: str = "UTC") -> Spec:
    """What a run would measure with."""
    base = oracle.base_currency(oracle_orders(shop))
    spec = Spec(calc_date=calc_date, window_days=365, base_currency=base, zone=zone)
    known = [Rate(name, day, Decimal(rate)) for name, day, rate in shop.rates]
    days = daily_rates(known, base, spec.window_start.date() - timedelta(days=1),
                       calc_date.date() + timedelta(days=1))  # fmt: skip
    return replace(spec, rates=days)


def oracle_orders(shop: Shop) -> list[OracleOrder]:
    return [OracleOrder(o.customer_id, o.order_date, o.amount, o.currency, o.status)
            for o in shop.orders]  # fmt: skip


def by_oracle(shop: Shop, calc_date: datetime = CALC_DATE, zone: str = "UTC"):
    rates = [(name, day, Decimal(rate)) for name, day, rate in shop.rates]
    return oracle.snapshot(shop.customers, oracle_orders(shop), calc_date, rates=rates, zone=zone)


async def fill(sessions: Sessions, shop: Shop) -> None:
    """Make the database hold this shop and nothing else."""
    async with sessions() as session, session.begin():
        await run_sql(session, "TRUNCATE orders, customers, exchange_rates, imports CASCADE")
    await load(sessions, shop.orders, shop.customers, shop.rates)


async def by_product(sessions: Sessions, spec: Spec) -> dict[str, OracleRow]:
    """What the product's own SQL, edges and scores make of the database."""
    async with sessions() as session, session.begin():
        parts = await reading.everyone(sessions, session, spec, PostgresDialect())
    frame = frames.read_features(*parts)
    active = frames.totals(frame).active_customers
    values = frames.active_values(frame, edge_positions(active))
    edges = {name: edges_at(values[name], active) for name in values}
    fields = OracleRow.__dataclass_fields__
    return {
        row["customer_id"]: OracleRow(**{name: row[name] for name in fields})
        for row in frames.score(frame, edges).rows(named=True)
    }
