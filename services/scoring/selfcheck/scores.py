"""R, F, M and scores of customers whose figures the R package rfm publishes.

Its data set `rfm_data_orders` (MIT) has 4,906 orders of 995 invented customers. What is needed of
it stands here: the orders of the five customers that its README shows, and of each figure the
values on both sides of its quintiles. The package's bins begin one day, order or unit above the
quintile, so its published bins are the edges plus one.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import raw_connection
from scoring.snapshot import frames, reading
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.features import Edges, Spec, edges_at, features_sql
from scoring.value.published import Checked

README = "README of the R package rfm 0.3.0 (rfm.rsquaredacademy.com), analysis date 2006-12-31"
BINS = "example of rfm_table_order in the manual of the R package rfm 0.3.0, its own bins"
CUSTOMERS = 995
SPEC = Spec(
    calc_date=datetime(2006, 12, 31, tzinfo=UTC), window_days=1095, base_currency="USD", zone="UTC"
)
"""The window holds all of its orders."""


class Shown(NamedTuple):
    """What the README says of a customer, and the customer's orders: day and amount."""

    figures: str
    scores: str
    orders: Mapping[str, int]


SHOWN = {
    "Abbey O'Reilly": Shown("205 6 472", "3 4 3", {
        "2005-07-16": 47, "2005-09-04": 152, "2005-11-03": 41, "2005-12-24": 145,
        "2006-01-06": 67, "2006-06-09": 20,
    }),
    "Add Senger": Shown("140 3 340", "4 1 2", {
        "2005-06-08": 114, "2005-11-12": 208, "2006-08-13": 18,
    }),
    "Aden Lesch": Shown("194 4 405", "3 2 3", {
        "2004-08-16": 100, "2004-11-14": 109, "2005-04-17": 149, "2006-06-20": 47,
    }),
    "Aden Murphy": Shown("98 7 596", "5 4 4", {
        "2005-04-26": 29, "2005-05-13": 113, "2005-05-27": 65, "2005-07-18": 97,
        "2005-09-22": 121, "2005-11-21": 159, "2006-09-24": 12,
    }),
    "Admiral Senger": Shown("132 5 448", "4 3 3", {
        "2005-02-17": 141, "2005-06-25": 115, "2005-08-31": 35, "2005-09-15": 79,
        "2006-08-21": 78,
    }),
}  # fmt: skip


class Quintiles(NamedTuple):
    """The published bins of a figure, and the sorted customers' values by rank, from 0."""

    bins: str
    values: Mapping[int, int]


QUINTILES = {
    "recency_days": Quintiles("115 181 297 482", {
        198: 114, 199: 114, 397: 180, 398: 180, 596: 296, 597: 297, 795: 481, 796: 481,
    }),
    "frequency": Quintiles("4 5 6 8", {
        198: 3, 199: 3, 397: 4, 398: 4, 596: 5, 597: 5, 795: 7, 796: 7,
    }),
    "monetary": Quintiles("256 382 506 666", {
        198: 254, 199: 255, 397: 381, 398: 381, 596: 505, 597: 506, 795: 665, 796: 665,
    }),
}  # fmt: skip


async def check_figures(session: AsyncSession) -> list[Checked]:
    """R, F and M by the query of every run, over temporary tables that hide the shop's own."""
    found = await _features(session)
    return [
        Checked(f"recency, frequency, monetary of {name}", shown.figures, _written(
            found.row(by_predicate=pl.col("customer_id") == name, named=True),
            "recency_days", "frequency", "monetary",
        ), README)
        for name, shown in SHOWN.items()
    ]  # fmt: skip


def check_scores() -> list[Checked]:
    """Quintile edges, and the scores that they give the figures that the README shows."""
    figures = [[int(part) for part in shown.figures.split()] for shown in SHOWN.values()]
    frame = pl.DataFrame(
        {
            "customer_id": list(SHOWN),
            **{name: [row[place] for row in figures] for place, name in enumerate(QUINTILES)},
        },
        schema_overrides={"monetary": frames.MONEY},
    )
    rows = frames.score(frame, edges()).iter_rows(named=True)
    return [
        *_bins(),
        *(
            Checked(f"scores of {row['customer_id']}", SHOWN[row["customer_id"]].scores,
                    _written(row, "r_score", "f_score", "m_score"), README)
            for row in rows
        ),
    ]  # fmt: skip


def edges() -> Edges:
    """The quintiles of all 995 customers."""
    return {
        name: edges_at({rank: Decimal(value) for rank, value in known.values.items()}, CUSTOMERS)
        for name, known in QUINTILES.items()
    }


def _bins() -> list[Checked]:
    return [
        Checked(f"quintiles of {name.replace('_', ' ')}, plus 1", QUINTILES[name].bins,
                " ".join(f"{edge + 1:.0f}" for edge in found), BINS)
        for name, found in edges().items()
    ]  # fmt: skip


def _written(row: Mapping[str, object], *names: str) -> str:
    return " ".join(f"{row[name]:.0f}" for name in names)


async def _features(session: AsyncSession) -> pl.DataFrame:
    raw = await raw_connection(session)
    await raw.execute(_TABLES)
    orders = [
        (name, datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC), Decimal(money))
        for name, shown in SHOWN.items()
        for day, money in shown.orders.items()
    ]
    columns = ["customer_id", "order_date", "order_amount"]
    await raw.copy_records_to_table(
        "orders", schema_name="pg_temp", records=orders, columns=columns
    )
    await raw.execute(
        "INSERT INTO pg_temp.customers SELECT DISTINCT customer_id FROM pg_temp.orders"
    )
    return frames.read_features(
        await reading.copy_out(session, features_sql(SPEC, PostgresDialect()))
    )


_TABLES = """
CREATE TEMP TABLE customers (
    customer_id text COLLATE "C", country text, created_at timestamptz, excluded_at timestamptz,
    joined_to text COLLATE "C") ON COMMIT DROP;
CREATE TEMP TABLE orders (
    customer_id text COLLATE "C", order_date timestamptz, order_amount numeric,
    currency text DEFAULT 'USD', status text DEFAULT 'completed', status_word text) ON COMMIT DROP
"""
