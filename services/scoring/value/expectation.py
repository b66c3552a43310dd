"""How many orders to expect of a customer who still buys: an integral, without overflow.

Of a customer who is still active at T, λ ~ gamma(r + x, α + T) and p ~ beta(a, b + m), and the
purchases until t later are expected to be, Fader, Hardie and Lee (2005), section 4.3,

    E(Y(t) | active) = ∫ g(p) beta(p | a, b + m) dp
    g(p) = (1 - (1 + p t / (α + T))^-(r + x)) / p

The paper writes the integral with the hypergeometric function and a factor (a + b + m - 1) /
(a - 1). That form overflows for customers with many purchases and loses all digits near a = 1.
Gauss-Jacobi quadrature has neither fault: all nodes and weights are positive, and g is smooth.
It depends on x and T only, so customers with the same two share one computation.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from scoring.value.buying import Habits
from scoring.value.purchases import Figures

NODES = 64
STEPS = 12
"""Times at which discounted orders are added up."""
YEAR = 365.0


class Expected(NamedTuple):
    """Orders expected of an active customer, one entry per customer."""

    within: list[Figures]
    """By horizon."""
    discounted: Figures
    """To the last horizon, what comes later being worth less."""


def expected_orders(
    habits: Habits, frequency: Figures, age: Figures, horizons: tuple[float, ...], discount: float
) -> Expected:
    """Orders within each horizon (days); `discount` is the yearly rate, such as 0.1."""
    pairs, inverse = distinct(frequency, age)
    times, weights = _discounting(horizons[-1], discount)
    table = np.empty((len(pairs), len(horizons) + len(times)))
    starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    for start, end in pairwise([*starts, len(pairs)]):
        count, ages = pairs[start, 0], pairs[start:end, 1]
        table[start:end] = _of_one_count(habits, count, ages, np.array([*horizons, *times]))
    known = len(horizons)
    last = table[:, known - 1] * (1 + discount) ** (-horizons[-1] / YEAR)
    discounted = last + (table[:, known:] * weights).sum(axis=1)
    return Expected([table[inverse, column] for column in range(known)], discounted[inverse])


def distinct(*columns: Figures) -> tuple[Figures, NDArray[np.intp]]:
    """The different rows of these columns, sorted, and where each customer's row stands in them."""
    order = np.lexsort(columns[::-1])
    rows = np.column_stack(columns)[order]
    is_first = np.ones(len(rows), dtype=bool)
    is_first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    inverse = np.empty(len(rows), dtype=np.intp)
    inverse[order] = np.cumsum(is_first) - 1
    return rows[is_first], inverse


def _discounting(horizon: float, discount: float) -> tuple[Figures, Figures]:
    """Times and weights such that orders E(t) until then are worth E(horizon) e^-δh + Σ w E(t).

    By parts, ∫ e^-δt dE = e^-δh E(h) + δ ∫ e^-δt E dt. The times are t = h u^2, close together
    at first, where E rises most.
    """
    force = np.log1p(discount) / YEAR
    nodes, weights = np.polynomial.legendre.leggauss(STEPS)
    part = (nodes + 1) / 2
    times = horizon * part**2
    return times, weights * part * horizon * force * np.exp(-force * times)


def _of_one_count(habits: Habits, count: float, ages: Figures, times: Figures) -> Figures:
    """Rows by age, columns by time, for customers with the same number of purchases."""
    r, alpha, a, b = habits.parameters
    chance, weight = _beta_rule(a, b + float(habits.chances(np.array(count))))
    table = np.empty((len(ages), len(times)))
    for column, time in enumerate(times):
        growth = np.log1p(np.outer(time / (alpha + ages), chance))
        # Not a matrix product: its last digits would depend on who else is computed.
        table[:, column] = (-np.expm1(-(r + count) * growth) * (weight / chance)).sum(axis=1)
    return table


def _beta_rule(a: float, b: float) -> tuple[Figures, Figures]:
    """Nodes and weights of the mean under beta(a, b): Golub and Welsch (1969) for Jacobi.

    The tridiagonal matrix is that of weight (1 - y)^(b - 1) (1 + y)^(a - 1) on y in [-1, 1];
    the first components of its eigenvectors give the weights, so none can overflow.
    """
    c, d = b - 1, a - 1
    k = np.arange(1.0, NODES)
    twice = 2 * k + c + d
    diagonal = np.r_[(d - c) / (c + d + 2), (d * d - c * c) / (twice * (twice + 2))]
    squares = 4 * k * (k + c) * (k + d) * (k + c + d) / (twice**2 * (twice + 1) * (twice - 1))
    squares[0] = 4 * (1 + c) * (1 + d) / ((2 + c + d) ** 2 * (3 + c + d))
    values, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares))
    return np.maximum((1 + values) / 2, 1e-15), np.square(vectors[0])
