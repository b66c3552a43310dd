"""How often customers buy and when they stop: BG/NBD and MBG/NBD, one formula for both.

While customers are active they buy at a constant rate of their own, λ ~ gamma(r, α) (gaps are
exponential). After a purchase they stop for good with a probability of their own, p ~ beta(a, b).
In the BG/NBD a customer may stop after each repeat purchase; whoever bought once is active for
certain. In the MBG/NBD a customer may stop after the first purchase as well.

Let x be the repeat purchases, t_x the time of the last one and T the time observed, both since
the first purchase, and m the times at which the customer could stop: x in the BG/NBD, x + 1 in the
MBG/NBD. Then for both

    L(r, α, a, b | x, t_x, T)
      = B(a, b + m) / B(a, b) · Γ(r + x) / Γ(r) · α^r / (α + T)^(r + x) · (1 + D)
    D = [m > 0] · a / (b + m - 1) · ((α + T) / (α + t_x))^(r + x)

D being the odds that the customer has stopped. With m = x this is equation (6) of Fader, Hardie
and Lee, "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model", Marketing
Science 24 (2005), and with m = x + 1 the likelihood of Batislam, Denizel and Filiztekin,
"Empirical validation and comparison of models for customer base analysis", International Journal
of Research in Marketing 24 (2007), and of Hoppe and Wagner, "Customer base analysis: The case for
a central variant of the Betageometric/NBD Model", Marketing Journal of Research and Management 3
(2007).
"""

from dataclasses import astuple, dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, digamma, expit, gammaln

from scoring.value.purchases import Figures, Purchases


@dataclass(frozen=True, slots=True)
class Habits:
    """The parameters of a shop's buying; times are in days."""

    r: float
    alpha: float
    a: float
    b: float
    stops_after_first: bool = True
    """Whether a customer may stop after the first purchase (MBG/NBD) or not (BG/NBD)."""

    @classmethod
    def from_logs(cls, logs: NDArray[np.float64], stops_after_first: bool) -> Self:
        """Read log r, log α, log a and log b."""
        r, alpha, a, b = np.exp(logs).tolist()
        return cls(r, alpha, a, b, stops_after_first)

    @property
    def parameters(self) -> tuple[float, float, float, float]:
        """r, α, a, b."""
        r, alpha, a, b, _ = astuple(self)
        return r, alpha, a, b

    def chances(self, frequency: Figures) -> Figures:
        """How many times each customer could have stopped: m of the formulas."""
        return frequency + self.stops_after_first


class Counted(NamedTuple):
    """The different histories of customers and how many have each."""

    frequency: Figures
    recency: Figures
    age: Figures
    weight: Figures

    @property
    def customers(self) -> float:
        """Number of customers."""
        return float(self.weight.sum())


def count_histories(purchases: Purchases) -> Counted:
    """Add up customers with the same history, in an order that does not depend on theirs."""
    columns = np.column_stack((purchases.frequency, purchases.recency, purchases.age))
    distinct, weight = np.unique(columns, axis=0, return_counts=True)
    frequency, recency, age = distinct.T.copy()
    return Counted(frequency, recency, age, weight.astype(float))


def log_odds_stopped(habits: Habits, frequency: Figures, recency: Figures, age: Figures) -> Figures:
    """log D: the odds that each customer has stopped buying; -inf where that cannot be."""
    r, alpha, a, b = habits.parameters
    chances = habits.chances(frequency)
    earlier = np.where(chances > 0, chances - 1, 0)
    silent = (r + frequency) * (np.log(alpha + age) - np.log(alpha + recency))
    return np.where(chances > 0, np.log(a) - np.log(b + earlier) + silent, -np.inf)


def active(habits: Habits, purchases: Purchases) -> Figures:
    """The probability 1 / (1 + D) that each customer still buys.

    A part of other figures. By itself it is a poor ranking: whoever bought once, long ago, looks
    much like whoever bought once and today.
    """
    odds = log_odds_stopped(habits, purchases.frequency, purchases.recency, purchases.age)
    return np.asarray(expit(-odds))


def log_likelihood(habits: Habits, seen: Counted) -> float:
    """The log-likelihood of all customers together."""
    return _likelihood(habits, seen)[0]


def _likelihood(habits: Habits, seen: Counted) -> tuple[float, NDArray[np.float64]]:
    """The log-likelihood and its derivatives by log r, log α, log a and log b."""
    r, alpha, a, b = habits.parameters
    counts, inverse = np.unique(seen.frequency, return_inverse=True)
    shared, by_r, by_a, by_b = (terms[inverse] for terms in _shared_terms(habits, counts))
    rate = r + seen.frequency
    log_age, log_recency = np.log(alpha + seen.age), np.log(alpha + seen.recency)
    odds = log_odds_stopped(habits, seen.frequency, seen.recency, seen.age)
    stopped = expit(odds)
    chances = habits.chances(seen.frequency)
    value = shared - rate * log_age + np.logaddexp(0, odds)
    gap = 1 / (alpha + seen.age) - 1 / (alpha + seen.recency)
    slopes = (
        by_r - log_age + stopped * (log_age - log_recency),
        r / alpha - rate / (alpha + seen.age) + stopped * rate * gap,
        by_a + stopped / a,
        by_b - stopped / np.where(chances > 0, b + chances - 1, np.inf),
    )
    gradient = np.array([seen.weight @ slope for slope in slopes]) * habits.parameters
    return float(seen.weight @ value), gradient


def _shared_terms(habits: Habits, counts: Figures) -> tuple[Figures, Figures, Figures, Figures]:
    """What depends on the number of purchases alone, and its derivatives by r, a and b."""
    r, alpha, a, b = habits.parameters
    chances = habits.chances(counts)
    value = (
        gammaln(r + counts) - gammaln(r) + r * np.log(alpha)
        + betaln(a, b + chances) - betaln(a, b)
    )  # fmt: skip
    both = digamma(a + b) - digamma(a + b + chances)
    return (
        value,
        digamma(r + counts) - digamma(r) + np.log(alpha),
        both,
        digamma(b + chances) - digamma(b) + both,
    )


def loss(
    logs: NDArray[np.float64], seen: Counted, stops_after_first: bool
) -> tuple[float, Figures]:
    """What a fit makes as small as can be: minus the mean log-likelihood, and its gradient."""
    habits = Habits.from_logs(logs, stops_after_first)
    value, gradient = _likelihood(habits, seen)
    return -value / seen.customers, -gradient / seen.customers
