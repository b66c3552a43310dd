"""Shops to judge segments on: several ways in which people buy, and the product's own demo shop."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from rfm_common.demo import shop as demo

Floats = NDArray[np.float64]
HORIZON = 90
"""Days after the day of scoring whose revenue is to be foreseen."""
MOST_ORDERS = 80
YEAR = 365


@dataclass(frozen=True, slots=True)
class Shop:
    """Orders of known people: whose, on which day, for how much; scored on day `today`."""

    customer: NDArray[np.int64]
    day: Floats
    amount: Floats
    today: int


def lived(
    rng: np.random.Generator, first: Floats, gaps: Floats, stays: NDArray[np.bool_], level: Floats
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Who, when and for how much: first orders, and those that follow while a customer stays.

    A row of `gaps` and `stays` is a customer, a column an order after the first.
    """
    later = first[:, None] + gaps.cumsum(axis=1)
    stays = np.logical_and.accumulate(stays, axis=1)
    who = np.concatenate([np.arange(len(first)), np.nonzero(stays)[0]])
    day = np.concatenate([first, later[stays]])
    amount = np.round(level[who] * rng.gamma(6, 1 / 6, len(who)), 2)
    return who, day, amount


def cdnow(rng: np.random.Generator) -> Shop:
    """A cohort of CDNOW's size sample after 39 weeks, drawn from the published fit of BG/NBD."""
    count, weeks = 2_357, 7
    rate, leaves = rng.gamma(0.243, 1 / 4.414, count), rng.beta(0.793, 2.426, count)
    gaps = weeks * rng.exponential(1, (count, MOST_ORDERS)) / np.maximum(rate, 1e-9)[:, None]
    stays = rng.random((count, MOST_ORDERS)) >= leaves[:, None]
    level = 1 / rng.gamma(4, 1 / 100, count)
    return Shop(*lived(rng, rng.uniform(0, 84, count), gaps, stays, level), 273)


def pareto(rng: np.random.Generator) -> Shop:
    """Exponential gaps and lives at gamma rates (Pareto/NBD); customers come all the time."""
    count, days = 2_500, 900
    gaps = rng.exponential(1, (count, MOST_ORDERS)) / rng.gamma(0.8, 1 / 40, count)[:, None]
    life = rng.exponential(1, count) / rng.gamma(1.2, 1 / 250, count)
    stays = gaps.cumsum(axis=1) < life[:, None]
    return Shop(
        *lived(rng, rng.uniform(0, days, count), gaps, stays, _levels(rng, count, 0.7)), days
    )


def subscription(rng: np.random.Generator) -> Shop:
    """An order a month for the price of one of three plans, until it is cancelled."""
    count, days = 2_000, 900
    gaps = np.full((count, MOST_ORDERS), 30.0)
    stays = gaps.cumsum(axis=1) < rng.exponential(240, count)[:, None]
    plans = rng.choice([9.9, 19.9, 49.9], count, p=[0.6, 0.3, 0.1])
    who, day, _ = lived(rng, rng.uniform(0, days, count), gaps, stays, plans)
    return Shop(who, day, plans[who], days)


def seasonal(rng: np.random.Generator) -> Shop:
    """Most orders of a year in its last weeks; scored in September."""
    shop = pareto(rng)
    season = 1 + 0.9 * np.cos(2 * np.pi * (shop.day + 30) / YEAR)
    kept = rng.random(len(shop.day)) < season / 1.9
    return Shop(shop.customer[kept], shop.day[kept], shop.amount[kept], 2 * YEAR - 90)


def dormant(rng: np.random.Generator) -> Shop:
    """An old shop: some 70 % of those who ever ordered have not within a year."""
    count, days = 3_000, 1_600
    gaps = rng.exponential(1, (count, MOST_ORDERS)) / rng.gamma(1, 1 / 60, count)[:, None]
    stays = gaps.cumsum(axis=1) < rng.exponential(220, count)[:, None]
    return Shop(
        *lived(rng, rng.uniform(0, days, count), gaps, stays, _levels(rng, count, 0.8)), days
    )


def once(rng: np.random.Generator) -> Shop:
    """97 of 100 never come back."""
    count, days = 4_000, 700
    gaps = rng.exponential(70, (count, MOST_ORDERS))
    comes_back = rng.random(count) < 0.03
    stays = comes_back[:, None] & (rng.random((count, MOST_ORDERS)) < 0.8)
    stays[:, 0] = comes_back
    return Shop(
        *lived(rng, rng.uniform(0, days, count), gaps, stays, _levels(rng, count, 0.8)), days
    )


def generated(rng: np.random.Generator) -> Shop:
    """The product's demo shop, as it is on some day of 2026."""
    end = datetime(2026, 1, 1) + timedelta(days=int(rng.integers(150, 330)))  # noqa: DTZ001
    orders = [order for order in demo.orders(end)
              if order.status == "completed" and order.customer_id != demo.GUEST]  # fmt: skip
    rates = {"EUR": 1.0} | dict(demo.CURRENCIES.values())
    _, who = np.unique([order.customer_id for order in orders], return_inverse=True)
    start = end - demo.YEARS
    return Shop(
        who, np.array([(order.moment - start) / timedelta(days=1) for order in orders]),
        np.array([round(order.amount / rates[order.currency], 2) for order in orders]),
        demo.YEARS.days - HORIZON,
    )  # fmt: skip


def _levels(rng: np.random.Generator, count: int, spread: float) -> Floats:
    """What customers spend for an order: log-normal."""
    return rng.lognormal(3.5, spread, count)


SHOPS: dict[str, Callable[[np.random.Generator], Shop]] = {
    "CDNOW-like": cdnow,
    "Pareto/NBD": pareto,
    "subscription": subscription,
    "seasonal": seasonal,
    "70 % dormant": dormant,
    "97 % order once": once,
    "generated shop": generated,
}
