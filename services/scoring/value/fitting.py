"""Fitting the value models to a shop's past, by maximum likelihood."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from scoring.threads import one_thread
from scoring.value import buying, spending
from scoring.value.buying import Counted, Habits
from scoring.value.model import Kind, ValueModel
from scoring.value.purchases import Figures, Purchases
from scoring.value.spending import Spending

SAMPLE = 200_000
"""Beyond this many customers a sample by hash of the id is enough to fit on."""
FEWEST = 50
"""Customers who came back; with fewer a shop's own habits cannot be told from chance."""
CLEARLY = 5.0
"""By how much a log-likelihood must be higher to count.

A Bayes factor of e^5 = 148 is "decisive", Kass and Raftery, "Bayes Factors", Journal of the
American Statistical Association 90 (1995); both models have the same number of parameters.
"""
USUAL = Habits(0.525, 43.3, 0.891, 1.614)
"""MBG/NBD on the CDNOW sample, in days: the shape where a shop has too few repeat buyers."""
USUAL_SPENDING = Spending(6.25, 3.74, 15.44)
"""Gamma-gamma on the same; only p and q are taken from it."""
WHY_AFTER_FIRST = (
    "Many shops lose customers right after the first order, so the model lets that happen "
    "(MBG/NBD), and no other explains this shop's past clearly better."
)
WHY_NOT_AFTER_FIRST = (
    "Whoever bought once may still come back however long it has been: that explains this shop's "
    "past clearly better (BG/NBD) than customers who stop right after the first order."
)

Point = NDArray[np.float64]
Loss = Callable[..., tuple[float, Point]]
Bounds = tuple[tuple[float, float], ...]

# Of r, α in days, a, b; and of p, q - 1, v as a multiple of the mean amount.
# A pace faster than a day (α) cannot be told from purchases that are days.
HABIT_BOUNDS = ((1e-3, 1e3), (1.0, 1e6), (1e-3, 1e4), (1e-3, 1e4))
SPENDING_BOUNDS = ((1e-2, 1e4), (1e-2, 1e4), (1e-4, 1e4))
HABIT_STARTS = ((0.5, 1.0, 1.0), (1.0, 0.3, 3.0), (0.2, 1.0, 10.0))
"""Of r, a, b; α follows from the shop's pace."""
SPENDING_STARTS = ((2.0, 2.0, 1.0), (10.0, 10.0, 1.0))


def fit_value(purchases: Purchases) -> ValueModel:
    """Fit the model that explains a shop's past best.

    `purchases` are all customers with a counted order, or beyond `SAMPLE` a sample of them by
    hash of the id (`scoring.snapshot.sampling.hashed_rows`). Their order makes no difference.
    """
    with one_thread():
        return _fit(purchases)


def _fit(purchases: Purchases) -> ValueModel:
    seen = buying.count_histories(purchases)
    returned = int(np.count_nonzero(purchases.returned))
    few = returned < FEWEST
    habits, kind, why = _usual_choice(seen, returned) if few else choose(seen)
    return ValueModel(
        kind=kind, habits=habits,
        spending=fit_spending(purchases.spend_count, purchases.spend_mean),
        log_likelihood=buying.log_likelihood(habits, seen), fitted_on=len(purchases),
        returned=returned, why=why,
    )  # fmt: skip


def choose(seen: Counted) -> tuple[Habits, Kind, str]:
    """The MBG/NBD, unless the BG/NBD explains the past clearly better."""
    usual, other = fit_habits(seen, True), fit_habits(seen, False)
    gain = buying.log_likelihood(other, seen) - buying.log_likelihood(usual, seen)
    if gain > CLEARLY:
        return other, "bgnbd", WHY_NOT_AFTER_FIRST
    return usual, "mbgnbd", WHY_AFTER_FIRST


def _usual_choice(seen: Counted, returned: int) -> tuple[Habits, Kind, str]:
    return fit_pace(seen), "rates", _why_rates(returned)


def fit_habits(seen: Counted, stops_after_first: bool) -> Habits:
    """Maximum likelihood of the buying."""
    pace = float(seen.weight @ seen.frequency) / max(float(seen.weight @ seen.age), 1.0)
    starts = [(r, r / pace, a, b) for r, a, b in HABIT_STARTS]
    logs = _maximise(buying.loss, starts, HABIT_BOUNDS, seen, stops_after_first)
    return Habits.from_logs(logs, stops_after_first)


def fit_pace(seen: Counted) -> Habits:
    """Habits of the usual shape at the shop's own pace, so far as its few purchases tell.

    A normal prior on log α with deviation 1 around the usual value stands for what they do not.
    """

    def loss(log_pace: float) -> float:
        habits = replace(USUAL, alpha=float(np.exp(log_pace)))
        surprise = (log_pace - np.log(USUAL.alpha)) ** 2 / 2
        return float(surprise - buying.log_likelihood(habits, seen))

    found = minimize_scalar(loss, bounds=np.log(HABIT_BOUNDS[1]), method="bounded")
    return replace(USUAL, alpha=float(np.exp(found.x)))


def fit_spending(count: Figures, mean: Figures) -> Spending:
    """Maximum likelihood of the amounts, of customers who spent anything.

    Amounts are measured against their median, so that the currency makes no difference.
    """
    paid = (count > 0) & (mean > 0)
    if not paid.any():
        return replace(USUAL_SPENDING, v=0.0)
    count, mean = count[paid], mean[paid]
    if np.count_nonzero(count > 1) < FEWEST:
        return _usual_spending(float(mean.mean()))
    unit = float(np.median(mean))
    seen = spending.amounts(count, mean / unit)
    logs = _maximise(spending.loss, SPENDING_STARTS, SPENDING_BOUNDS, seen)
    p, above, v = np.exp(logs).tolist()
    return Spending(p, 1 + above, v * unit)


def _usual_spending(mean: float) -> Spending:
    p, q = USUAL_SPENDING.p, USUAL_SPENDING.q
    return Spending(p, q, mean * (q - 1) / p)


def _maximise(loss: Loss, starts: Iterable[tuple[float, ...]], bounds: Bounds, *data: Any) -> Point:
    """Where the loss is least, in logarithms: the best end of several beginnings."""
    limits = np.log(bounds)
    ends = [
        minimize(
            loss, np.clip(np.log(start), *limits.T), args=data, jac=True, bounds=limits,
            method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
        )
        for start in starts
    ]  # fmt: skip
    best = min(ends, key=lambda end: end.fun)
    return np.asarray(best.x)


def _why_rates(returned: int) -> str:
    came = {0: "No customer has", 1: "One customer has"}.get(returned, f"{returned} customers have")
    return (
        f"{came} come back, too few to learn this shop's habits (it takes {FEWEST}), so its own "
        "pace is combined with habits that are usual elsewhere."
    )
