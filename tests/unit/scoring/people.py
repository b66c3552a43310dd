"""Customers as arrays: a skewed shop that lives on from week to week."""

from dataclasses import dataclass

import numpy as np

from scoring.model import Points

WINDOW = 365


@dataclass
class History:
    """Orders of a year and some weeks: who, when (day), how much."""

    customer: np.ndarray
    day: np.ndarray
    amount: np.ndarray
    customers: int

    def features(self, today: int, window: int = WINDOW) -> Points:
        """R, F, M of everybody on a day."""
        counted = (self.day <= today) & (self.day >= today - window)
        who, day, amount = self.customer[counted], self.day[counted], self.amount[counted]
        last = np.full(self.customers, -1)
        np.maximum.at(last, who, day)
        frequency = np.bincount(who, minlength=self.customers).astype(float)
        money = np.bincount(who, amount, self.customers)
        return np.column_stack([np.where(last >= 0, today - last, window + 1), frequency, money])


def history(seed: int, customers: int = 3000, days: int = 400) -> History:
    """Rates of purchase and amounts are log-normal; most buy once or twice, some lapse."""
    rng = np.random.default_rng(seed)
    rate = rng.lognormal(0.6, 1.0, customers)
    counts = 1 + rng.poisson(rate)
    who = np.repeat(np.arange(customers), counts)
    lapse = np.repeat(days * rng.beta(3, 1, customers), counts)
    day = (lapse * rng.random(len(who))).astype(int)
    level = np.repeat(rng.lognormal(3.5, 0.8, customers), counts)
    return History(who, day, np.round(level * rng.lognormal(0, 0.3, len(who)), 2), customers)


def steady(seed: int, customers: int, days: int = 800) -> History:
    """A shop older than the window: customers come and lapse all the time."""
    rng = np.random.default_rng(seed)
    counts = 1 + rng.poisson(rng.lognormal(0.6, 1.0, customers))
    who = np.repeat(np.arange(customers), counts)
    came = days * rng.random(customers)
    stayed = np.minimum(rng.exponential(200, customers), days - came)
    day = (came[who] + stayed[who] * rng.random(len(who))).astype(int)
    level = rng.lognormal(3.5, 0.8, customers)[who]
    return History(who, day, np.round(level * rng.lognormal(0, 0.3, len(who)), 2), customers)


def skewed(seed: int, customers: int = 1000) -> Points:
    """A shop in which a few spend a thousand times as much as most."""
    rng = np.random.default_rng(seed)
    frequency = np.floor(rng.pareto(1.0, customers)) + 1
    money = np.round(frequency * rng.lognormal(3, 1.2, customers), 2)
    return np.column_stack([np.floor(rng.exponential(90, customers)) % 366, frequency, money])


def any_shop(seed: int) -> Points:
    """R, F, M of the buyers of a shop of some size, window and way of buying."""
    rng = np.random.default_rng(seed)
    customers = int(30 * (5_000 / 30) ** rng.random())
    window = int(rng.choice([90, 180, 365, 730]))
    shop = PROCESSES[seed % len(PROCESSES)](rng, customers)
    features = shop.features(today=800, window=window)
    return features[features[:, 1] > 0]


def dropping_out(rng: np.random.Generator, customers: int) -> History:
    """Exponential gaps at gamma rates; after each order some never come back (BG/NBD)."""
    rate = rng.gamma(rng.uniform(0.2, 1.5), 1 / rng.uniform(20, 60), customers)
    leaves = rng.beta(rng.uniform(0.4, 1), rng.uniform(2, 5), customers)
    gaps = rng.exponential(1, (customers, 60)) / np.maximum(rate, 1e-6)[:, None]
    return _lived(rng, gaps, rng.random((customers, 60)) >= leaves[:, None])


def regular(rng: np.random.Generator, customers: int) -> History:
    """Gaps of about a customer's own length, until a life ends."""
    gap, life = rng.uniform(15, 120, customers), rng.exponential(300, customers)
    gaps = rng.gamma(4, gap[:, None] / 4, (customers, 60))
    return _lived(rng, gaps, gaps.cumsum(axis=1) < life[:, None])


def once(rng: np.random.Generator, customers: int) -> History:
    """Almost nobody comes back."""
    returns = rng.random((customers, 60)) < rng.uniform(0.01, 0.1)
    return _lived(rng, rng.exponential(90, (customers, 60)), returns)


def subscribed(rng: np.random.Generator, customers: int) -> History:
    """An order a month for equal money, until it is cancelled."""
    life = rng.exponential(240, customers)
    gaps = np.full((customers, 60), 30.0)
    shop = _lived(rng, gaps, gaps.cumsum(axis=1) < life[:, None])
    return History(shop.customer, shop.day, np.full(len(shop.day), 9.9), customers)


PROCESSES = (dropping_out, regular, once, subscribed)


def _lived(rng: np.random.Generator, gaps: np.ndarray, comes: np.ndarray) -> History:
    """Each customer's first order on some day, and those that follow while the customer comes."""
    customers = len(gaps)
    first = rng.uniform(0, 800, customers)
    later = first[:, None] + gaps.cumsum(axis=1)
    comes = np.logical_and.accumulate(comes, axis=1) & (later <= 800)
    who = np.concatenate([np.arange(customers), np.nonzero(comes)[0]])
    day = np.concatenate([first, later[comes]]).astype(int)
    level = rng.lognormal(3.5, rng.uniform(0.3, 1.2), customers)[who]
    return History(who, day, np.round(level * rng.lognormal(0, 0.3, len(who)), 2), customers)
