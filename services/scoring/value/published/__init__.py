"""What others published about the CDNOW sample, and what this code makes of the same customers.

The two tables hold counts derived from the purchases of 2,357 customers who first bought at CDNOW
in the first quarter of 1997, followed for 39 weeks to 30 September 1997: for each history, how
many customers have it. Orders of one day are one purchase. The purchases are those of Fader and
Hardie (brucehardie.com/datasets, CDNOW_sample), as the Python package lifetimes 0.11.3 (MIT)
carries them.

Published with days rounded to hundredths of a week and mean amounts to cents, as that package
gives them too, the gamma-gamma scale is 15.45; exact amounts give the published 15.44.
"""

import csv
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.threads import one_thread
from scoring.value import buying, fitting, spending
from scoring.value.buying import Counted

WEEK = 7.0
BG_NBD = (
    'Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 24 (2005)'
)
MBG_NBD = (
    "tests of the Python package lifetimes 0.11.3, for the model of Batislam, Denizel and "
    "Filiztekin, International Journal of Research in Marketing 24 (2007)"
)
GAMMA_GAMMA = (
    'Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013); the log-likelihood from '
    "the tests of the R package CLVTools"
)


class Checked(NamedTuple):
    """One published value beside the computed one, to as many digits."""

    about: str
    published: str
    computed: str
    source: str

    @property
    def agrees(self) -> bool:
        """Whether all published digits are the same."""
        return self.published == self.computed


def check() -> list[Checked]:
    """Fit all three models to the published customers."""
    with one_thread():
        return [*_buying(False), *_buying(True), *_spending()]


def cdnow_histories() -> Counted:
    """The customers' histories, in weeks as published."""
    frequency, recency, age, customers = _table("cdnow_purchases.csv")
    return Counted(frequency, recency / WEEK, age / WEEK, customers)


def cdnow_amounts() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each repeat buyer, the number of repeat purchases and their mean in dollars."""
    frequency, cents, customers = _table("cdnow_spending.csv")
    each = customers.astype(int)
    return np.repeat(frequency, each), np.repeat(cents / frequency / 100, each)


def _table(name: str) -> NDArray[np.float64]:
    """The columns of a table."""
    lines = files(__package__).joinpath(name).read_text("utf-8").splitlines()
    return np.array(list(csv.reader(lines[1:])), dtype=float).T


def _buying(stops_after_first: bool) -> list[Checked]:
    seen = cdnow_histories()
    habits = fitting.fit_habits(seen, stops_after_first)
    r, alpha, a, b = habits.parameters
    found = {"r": r, "alpha": alpha, "a": a, "b": b}
    if stops_after_first:
        known = {"r": "0.525", "alpha": "6.183", "a": "0.891", "b": "1.614"}
        return _compare("MBG/NBD", known, found, MBG_NBD)
    found["log-likelihood"] = buying.log_likelihood(habits, seen)
    known = {"r": "0.243", "alpha": "4.414", "a": "0.793", "b": "2.426"}
    return _compare("BG/NBD", known | {"log-likelihood": "-9582.4"}, found, BG_NBD)


def _spending() -> list[Checked]:
    count, mean = cdnow_amounts()
    fitted = fitting.fit_spending(count, mean)
    likelihood = spending.log_likelihood(fitted, spending.amounts(count, mean))
    known = {"p": "6.25", "q": "3.74", "v": "15.44", "log-likelihood": "-4055.9177"}
    found = {"p": fitted.p, "q": fitted.q, "v": fitted.v, "log-likelihood": likelihood}
    return _compare("gamma-gamma", known, found, GAMMA_GAMMA)


def _compare(
    model: str, known: Mapping[str, str], found: Mapping[str, float], source: str
) -> list[Checked]:
    """Round each value to the digits of the published one."""
    return [
        Checked(f"{model} {name}", text, f"{found[name]:.{len(text.partition('.')[2])}f}", source)
        for name, text in known.items()
    ]
