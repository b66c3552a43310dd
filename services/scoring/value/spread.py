"""How far what a customer spends may lie from what is expected: a range instead of one number.

A customer who is active buys at least n times within t days if the pace is fast enough, and if
none of the first n - 1 purchases was the last. Pace and stopping are independent, so that

    P(N >= n | active) = P(K >= n) · B(a, b + m + n - 1) / B(a, b + m)

with K negative binomial, of shape r + x and mean (r + x) t / (α + T). The sum of n amounts has
the mean and variance of the gamma-gamma model and is taken as gamma, whose cube root is nearly
normal (Wilson and Hilferty, "The Distribution of Chi-Square", PNAS 17 (1931)).

The distribution, in multiples of the spend of a purchase day, depends on x, T and the number of
amounts only, so customers with the same three share one. It is tabulated, and each customer's ends
are read where the chance of being active puts them.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, ndtr

from scoring.value import buying
from scoring.value.buying import Habits
from scoring.value.expectation import distinct
from scoring.value.model import ValueModel
from scoring.value.purchases import Figures, Purchases

ENDS = (0.1, 0.9)
"""Eight of ten customers lie between."""
DAYS = 90
"""Of the range; purchases are days, so that nobody has more."""
STEPS = 32
"""Of a table; they are closer together where amounts are small."""
LENGTHS = np.array([4, 6, 9, 13, 18, 25, 35, 48, 65, DAYS])
"""How many purchases tables go up to; each customer has the shortest that suffices."""
LEAST = 1e-12


class Curves(NamedTuple):
    """Distributions of what active customers spend, one row each."""

    top: Figures
    """The amount of the last step, as a multiple of the spend of a purchase day."""
    below: Figures
    """The chance of spending so much or less, a column per step; the first is that of nothing."""


def revenue_range(model: ValueModel, purchases: Purchases) -> tuple[Figures, Figures]:
    """Between which two amounts eight of ten customers like each one spend within 90 days.

    0 where it is likely enough that nothing is bought.
    """
    alike, inverse = distinct(purchases.frequency, purchases.age, purchases.spend_count)
    curves = _curves(model, alike)
    active = np.maximum(buying.active(model.habits, purchases), LEAST)
    spend = model.spending.expected(purchases.spend_count, purchases.spend_mean)
    whose = Curves(curves.top[inverse], curves.below[inverse])
    low, high = (_amounts(whose, (end - 1 + active) / active) * spend for end in ENDS)
    return low, high


def _amounts(curves: Curves, rank: Figures) -> Figures:
    """What each customer spends at a rank among those who are as active."""
    passed = (curves.below < rank[:, None]).sum(axis=1)
    step, row = np.clip(passed, 1, STEPS), np.arange(len(rank))
    before, after = curves.below[row, step - 1], curves.below[row, step]
    part = np.clip((rank - before) / np.maximum(after - before, LEAST), 0, 1)
    return np.where(passed > 0, curves.top * ((step - 1 + part) / STEPS) ** 2, 0.0)


def _curves(model: ValueModel, alike: Figures) -> Curves:
    """For rows of the number of purchases after the first, the age, and the number of amounts."""
    mean, deviation = _pace(model.habits, alike)
    likely = np.ceil(np.minimum(mean + 3 * deviation + 1, DAYS))
    made = Curves(np.empty(len(alike)), np.empty((len(alike), STEPS + 1)))
    length = LENGTHS[np.searchsorted(LENGTHS, np.minimum(mean + 4 * deviation + 1, DAYS))]
    for most in np.unique(length).tolist():
        rows = length == most
        made.top[rows], made.below[rows] = _tabulate(model, alike[rows], likely[rows], most)
    return made


def _pace(habits: Habits, alike: Figures) -> tuple[Figures, Figures]:
    """Mean and standard deviation of the purchases of who never stops."""
    shape = habits.r + alike[:, 0]
    mean = shape * DAYS / (habits.alpha + alike[:, 1])
    return mean, np.sqrt(mean + mean**2 / shape)


def _tabulate(model: ValueModel, alike: Figures, likely: Figures, most: int) -> Curves:
    known = np.maximum(model.spending.p * alike[:, 2] + model.spending.q - 2, 0.5)
    top = likely * (1 + 2 * np.sqrt(_variance(model, known, likely)))
    steps = np.cbrt(np.outer(top, np.linspace(0, 1, STEPS + 1) ** 2))
    mass = _purchases(model.habits, alike, most)
    below = np.repeat(mass[:, :1], STEPS + 1, axis=1)
    for count in range(1, most + 1):
        ninth = _variance(model, known, np.array(float(count)))[:, None] / 9
        places = (steps / np.cbrt(count) - 1 + ninth) / np.sqrt(ninth)
        below[:, 1:] += mass[:, count, None] * ndtr(places[:, 1:])
    return Curves(top, below)


def _variance(model: ValueModel, known: Figures, count: Figures) -> Figures:
    """Of the sum of so many amounts, as a share of its squared mean."""
    return 1 / known + (1 + 1 / known) / (model.spending.p * count)


def _purchases(habits: Habits, alike: Figures, most: int) -> Figures:
    """The chances of 0, 1, 2, ... purchases of who is active; the last is that of more as well."""
    count, (frequency, age, _) = np.arange(most + 1.0), alike.T[..., None]
    shape, left = habits.r + frequency, np.log1p(DAYS / (habits.alpha + age))
    logs = gammaln(shape + count) - gammaln(shape) - gammaln(count + 1) - shape * left
    paced = np.exp(logs + count * np.log(-np.expm1(-left)))
    at_least = np.maximum(1 - np.cumsum(paced, axis=1) + paced, 0)
    at_least[:, 0], b = 1.0, habits.b + habits.chances(frequency)
    stays = (b + count[:-2]) / (habits.a + b + count[:-2])
    at_least[:, 2:] *= np.cumprod(stays, axis=1)
    return np.asarray(-np.diff(at_least, axis=1, append=0.0))
