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
