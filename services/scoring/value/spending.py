"""How much customers spend on a purchase day: the gamma-gamma model.

The amounts of a customer vary around a mean of the customer's own, with shape p; the means vary
between customers so that, with n purchase days of mean z,

    L(p, q, v | n, z) = Γ(pn + q) / (Γ(pn) Γ(q)) · v^q z^(pn - 1) n^(pn) / (v + nz)^(pn + q)
    E(mean | n, z) = p (v + nz) / (pn + q - 1)

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013, brucehardie.com/notes/025),
equations (1a) and (5); Fader, Hardie and Lee, "RFM and CLV: Using Iso-Value Curves for Customer
Base Analysis", Journal of Marketing Research 42 (2005). The model takes spend to be independent
of how often a customer buys.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from scoring.value.purchases import Figures


@dataclass(frozen=True, slots=True)
class Spending:
    """The parameters of a shop's amounts; v is in base currency."""

    p: float
    q: float
    v: float

    @property
    def mean(self) -> float:
        """What a customer of whom nothing is known spends on a purchase day."""
        return self.p * self.v / (self.q - 1)

    def expected(self, count: Figures, mean: Figures) -> Figures:
        """What each customer will spend on a purchase day, never less than 0."""
        total = count * np.maximum(mean, 0)
        return self.p * (self.v + total) / (self.p * count + self.q - 1)


class Amounts(NamedTuple):
    """What a fit needs of customers who paid something."""

    counts: Figures
    """The different numbers of purchase days."""
    customers: Figures
    """How many customers have each."""
    log_means: Figures
    """For each number, the sum of log z."""
    place: NDArray[np.intp]
    """By customer, where in `counts` the own number stands."""
    total: Figures
    """By customer, nz."""


def amounts(count: Figures, mean: Figures) -> Amounts:
    """Prepare a fit; every count and mean is greater than 0."""
    counts, place, customers = np.unique(count, return_inverse=True, return_counts=True)
    log_means = _sums(place, np.log(mean), counts)
    return Amounts(counts, customers.astype(float), log_means, place, count * mean)


def _sums(place: NDArray[np.intp], values: Figures, counts: Figures) -> Figures:
    return np.bincount(place, values, len(counts)).astype(float, copy=False)


def log_likelihood(spending: Spending, seen: Amounts) -> float:
    """The log-likelihood of all customers together."""
    return _likelihood(spending, seen)[0]


def _likelihood(spending: Spending, seen: Amounts) -> tuple[float, NDArray[np.float64]]:
    """The log-likelihood and its derivatives by p, q and v."""
    p, q, v = spending.p, spending.q, spending.v
    shape, customers = p * seen.counts, seen.customers
    logs = _sums(seen.place, np.log(v + seen.total), seen.counts)
    inverses = _sums(seen.place, 1 / (v + seen.total), seen.counts)
    alone = (
        gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
        + shape * np.log(seen.counts)
    )  # fmt: skip
    value = customers * alone + (shape - 1) * seen.log_means - (shape + q) * logs
    both = digamma(shape + q)
    by_shape = customers * (both - digamma(shape) + np.log(seen.counts)) + seen.log_means - logs
    slopes = (
        seen.counts * by_shape,
        customers * (both - digamma(q) + np.log(v)) - logs,
        customers * q / v - (shape + q) * inverses,
    )
    return float(value.sum()), np.array([slope.sum() for slope in slopes])


def loss(logs: NDArray[np.float64], seen: Amounts) -> tuple[float, NDArray[np.float64]]:
    """Minus the mean log-likelihood and its gradient by log p, log (q - 1) and log v."""
    p, above, v = np.exp(logs).tolist()
    value, gradient = _likelihood(Spending(p, 1 + above, v), seen)
    return -value / len(seen.total), -gradient * (p, above, v) / len(seen.total)
