"""The demo shop's files, dropped into the watched folder one after the other."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

from rfm_common.demo.lines import rate_lines, write_lines
from rfm_common.demo.shop import (
    Customer,
    Order,
    broken_rows,
    customer_file,
    customers,
    order_file,
    orders,
)

PREFIX = "rfm-demo-"
"""Marks a file as demo data, which can be taken out again as a whole."""

Say = Callable[[str], object]


def drop_shop(folder: Path, now: datetime, say: Say) -> list[Customer]:
    """Write the shop and say each file; returns the customers."""
    for name, rows in write_shop(folder, now):
        say(f"dropped {name} ({rows:,} rows)")
    return list(customers(now))


def write_shop(folder: Path, now: datetime) -> Iterator[tuple[str, int]]:
    """Write rates, customers, and a file of orders per year; yields each name and its rows.

    `now` is the time on the shop's clock, without a zone, and the moment at which the data ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Before the first file: they then arrive as one burst, and are scored in one run.
    by_time = sorted(orders(now), key=lambda order: order.moment)
    for part, lines in _files(now, by_time):
        name = f"{PREFIX}{part}.csv"
        yield name, write_lines(folder / name, lines) - 1


def _files(now: datetime, by_time: list[Order]) -> Iterator[tuple[str, Iterator[str]]]:
    yield "exchange-rates", rate_lines()
    yield "customers", customer_file(now)
    for year, of_year in groupby(by_time, key=lambda order: order.moment.year):
        yield f"orders-{year}", order_file(of_year, broken_rows(year) if year == now.year else ())
