"""Laws that hold for any shop: how its rows are put into files does not matter.

Where files contradict each other, the one that is imported later has the last word.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.ingest.dropping import CUSTOMERS_HEADER, ORDERS_HEADER, Shop

Row = tuple[object, ...]
Rows = Mapping[str, Row]
"""What a file says of each id."""
File = tuple[str, list[Row]]
"""A header and the rows, id first."""
Tables = Mapping[str, list[Row]]


def own_id(refund: Row) -> str:
    """The id of a refund that is not the only row of its id."""
    order, _, moment, amount = refund[:4]
    amount = f"{amount:f}".rstrip("0").rstrip(".")
    return f"{order} refund {moment:%Y-%m-%d} {amount}"


ORDER_IDS = st.sampled_from(["1", "01", "A,1", 'A"1', "A\n1", "a1", "A1", "=1+1", "é", "😀"])
CUSTOMER_IDS = st.sampled_from(["7", "007", "C;7", 'C"7', "ü", "שלום"])
MOMENTS = st.integers(0, 10**15).map(
    lambda microseconds: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
AMOUNTS = st.decimals(0, 10**6, places=2)
WORDS = st.sampled_from(["EUR", "USD"]), st.sampled_from(["completed", "refunded"])
ORDERS = st.dictionaries(
    ORDER_IDS, st.tuples(CUSTOMER_IDS, MOMENTS, AMOUNTS, *WORDS), min_size=1, max_size=8
)
REFUNDS = st.lists(
    st.tuples(ORDER_IDS, CUSTOMER_IDS, MOMENTS, st.decimals(-(10**6), -1, places=2), *WORDS),
    min_size=1, max_size=8, unique_by=own_id,
)  # fmt: skip
CUSTOMERS = st.dictionaries(
    CUSTOMER_IDS,
    st.tuples(st.sampled_from([None, "a@example.com", "b,c@example.com"]),
              st.sampled_from([None, "DE"]), st.none() | MOMENTS),
    min_size=1,
)  # fmt: skip


def contents(rows: Rows) -> frozenset[tuple[str, Row]]:
    return frozenset(rows.items())


UPDATES = st.lists(ORDERS, min_size=1, max_size=3, unique_by=contents)
"""Files about the same few orders; none says what an earlier one said, for bytes load once."""

# Not made smaller when one fails: the shops are small, and each try loads a handful of files.
law = settings(
    max_examples=15, deadline=None, phases=set(Phase) - {Phase.shrink},
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def order_file(orders: Rows) -> File:
    return ORDERS_HEADER, rows_of(orders)


def customer_file(customers: Rows) -> File:
    return CUSTOMERS_HEADER, rows_of(customers)


def rows_of(said: Rows) -> list[Row]:
    return [(key, *values) for key, values in said.items()]


def shuffles(rows: list[Row]) -> st.SearchStrategy[list[Row]]:
    """The rows in any order, some of them twice."""
    copies = st.lists(st.sampled_from(rows), max_size=2)
    return copies.flatmap(lambda again: st.permutations([*rows, *again]))


def written(header: str, rows: Iterable[Row]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return header + text.getvalue()


async def tables_of(shop: Shop, files: Iterable[File]) -> Tables:
    """What an empty shop holds after these files, dropped in this order."""
    await shop.clear()
    for number, file in enumerate(files):
        row = await shop.load(f"{number}.csv", written(*file))
        assert row.state in {"loaded", "duplicate"}, row.message
    return await shop.tables()


def told(customers: Rows, updates: Iterable[Rows]) -> dict[str, list[Row]]:
    """The tables that these files mean, by three dictionaries."""
    orders: dict[str, Row] = {}
    unknown: dict[str, Row] = {}
    for update in updates:
        orders.update(update)
        unknown.update({str(order[0]): (None, None, None) for order in update.values()})
    return {
        "customers": sorted(rows_of({**unknown, **customers})),
        "orders": sorted(rows_of(orders)),
        "exchange_rates": [],
    }


def with_refunds(orders: Rows, refunds: list[Row]) -> list[Row]:
    """The table of orders that these orders and refunds mean."""
    named = [*orders, *(refund[0] for refund in refunds)]
    apart = [(refund[0] if named.count(refund[0]) == 1 else own_id(refund), *refund[1:])
             for refund in refunds]  # fmt: skip
    return sorted([*rows_of(orders), *apart])


@law
@given(orders=ORDERS, refunds=REFUNDS, size=st.integers(1, 6), data=st.data())
@pytest.mark.slow
async def test_no_refund_replaces_its_order_nor_another_refund_in_any_order_of_files(
    shop: Shop, orders: Rows, refunds: list[Row], size: int, data: st.DataObject
) -> None:
    rows = data.draw(st.permutations([*rows_of(orders), *refunds]))
    files = [(ORDERS_HEADER, rows[at : at + size]) for at in range(0, len(rows), size)]
    assert (await tables_of(shop, files))["orders"] == with_refunds(orders, refunds)


@law
@given(customers=CUSTOMERS, updates=UPDATES, place=st.integers(0, 3), data=st.data())
@pytest.mark.slow
async def test_the_later_import_wins_and_order_and_copies_of_rows_change_nothing(
    shop: Shop, customers: Rows, updates: list[Rows], place: int, data: st.DataObject
) -> None:
    files = [order_file(update) for update in updates]
    files.insert(place, customer_file(customers))
    shuffled = [(header, data.draw(shuffles(rows))) for header, rows in files]
    copies = data.draw(st.lists(st.sampled_from(shuffled), max_size=2))
    assert await tables_of(shop, [*shuffled, *copies]) == told(customers, updates)


@law
@given(customers=CUSTOMERS, orders=ORDERS, size=st.integers(2, 6), data=st.data())
async def test_a_shop_split_over_files_is_the_same_in_any_order_of_them(
    shop: Shop, customers: Rows, orders: Rows, size: int, data: st.DataObject
) -> None:
    files = [(header, rows[at : at + size])
             for header, rows in (customer_file(customers), order_file(orders))
             for at in range(0, len(rows), size)]  # fmt: skip
    assert await tables_of(shop, data.draw(st.permutations(files))) == told(customers, [orders])
