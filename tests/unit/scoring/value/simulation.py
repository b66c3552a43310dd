"""Shops whose truth is known: customers who buy and stop by a process that a test chooses."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scoring.value import Actual, Plain, Purchases

Process = Literal["mbgnbd", "lifetimes", "regular"]
PROCESSES: tuple[Process, ...] = ("mbgnbd", "lifetimes", "regular")
"""MBG/NBD; exponential lifetimes and gaps (Pareto/NBD); the same with gaps of shape 4."""
CUT = 730
"""Days that the shop is old when the forecast is made."""
AFTER = 90
YEAR = 365

Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Orders:
    """One entry per order, one a day and customer, sorted by customer and day."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    amount: Figures
    customers: int

    def between(self, after: int, until: int) -> "Orders":
        rows = (self.day > after) & (self.day <= until)
        return Orders(self.customer[rows], self.day[rows], self.amount[rows], self.customers)

    def count(self) -> Figures:
        return np.bincount(self.customer, minlength=self.customers).astype(float)

    def money(self) -> Figures:
        return np.bincount(self.customer, self.amount, self.customers)

    def latest(self) -> Figures:
        """The day of each customer's last order; -1 without one."""
        last = np.full(self.customers, -1.0)
        np.maximum.at(last, self.customer, self.day)
        return last


@dataclass(frozen=True)
class Shop:
    before: Purchases
    actual: Actual
    plain: dict[Plain, Figures]


def simulate(process: Process, seed: int, customers: int = 4000) -> Shop:
    return observe(simulated_orders(process, seed, customers))


def simulated_orders(process: Process, seed: int, customers: int) -> Orders:
    rng = np.random.default_rng([PROCESSES.index(process), seed])
    first = rng.integers(0, CUT, customers)
    gaps = _gaps(process, rng, customers)
    stop = _stops(process, rng, gaps)
    days = np.floor(first[:, None] + np.cumsum(gaps, axis=1)).astype(int)
    bought = (np.arange(1, gaps.shape[1] + 1) <= stop[:, None]) & (days <= CUT + AFTER)
    everybody = np.arange(customers)
    who = np.r_[everybody, np.repeat(everybody, gaps.shape[1])[bought.ravel()]]
    pairs = np.unique(np.column_stack((who, np.r_[first, days[bought]])), axis=0)
    mean = 15 * 6 / rng.gamma(3.7, 1.0, customers)
    amount = rng.gamma(6, mean[pairs[:, 0]] / 6)
    return Orders(pairs[:, 0], pairs[:, 1], amount, customers)


def _gaps(process: Process, rng: np.random.Generator, customers: int) -> Figures:
    rate = rng.gamma(0.9, 1 / 50.0, customers)
    shape = 4.0 if process == "regular" else 1.0
    gaps = rng.gamma(shape, 1.0, (customers, 120)) / shape
    return gaps / np.maximum(rate, 1e-6)[:, None]


def _stops(process: Process, rng: np.random.Generator, gaps: Figures) -> NDArray[np.int64]:
    """After how many repeat purchases each customer stops for good."""
    customers = len(gaps)
    if process == "mbgnbd":
        return rng.geometric(np.clip(rng.beta(0.9, 3.0, customers), 1e-9, 1)) - 1
    lifetime = rng.exponential(rng.gamma(1.2, 1 / 250.0, customers).clip(1e-6) ** -1)
    return (np.cumsum(gaps, axis=1) <= lifetime[:, None]).sum(axis=1)


def observe(orders: Orders) -> Shop:
    """What is known at the cut, what comes after it, and by what else one could rank."""
    known, after = orders.between(-1, CUT), orders.between(CUT, CUT + AFTER)
    window = orders.between(CUT - YEAR - 1, CUT)
    first = np.full(orders.customers, CUT)
    np.minimum.at(first, known.customer, known.day)
    before = Purchases(
        frequency=known.count() - 1, recency=known.latest() - first,
        age=(CUT - first).astype(float),
        spend_count=known.count(), spend_mean=known.money() / known.count(),
    )  # fmt: skip
    plain: dict[Plain, Figures] = {
        "revenue": window.money(), "scores": scores(window), "recency": known.latest() - CUT,
    }  # fmt: skip
    return Shop(before, Actual(after.count(), after.money()), plain)


def scores(window: Orders) -> Figures:
    """R + F + M of the year, 1 to 5 each by quintiles of those who bought; 3 for the others."""
    active = window.count() > 0
    total = np.full(window.customers, 3.0)
    total[active] = sum(
        1.0 + np.searchsorted(np.quantile(values[active], [0.2, 0.4, 0.6, 0.8]), values[active])
        for values in (window.latest(), window.count(), window.money())
    )
    return total
