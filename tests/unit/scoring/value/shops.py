"""Pasts of customers for the tests of the value models."""

import numpy as np
from numpy.typing import ArrayLike

from scoring.value import Purchases


def past(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, spend: ArrayLike = 20.0
) -> Purchases:
    """Customers by hand; each purchase day costs `spend` on average."""
    columns = np.broadcast_arrays(frequency, recency, age, spend)
    x, last, observed, mean = (np.array(column, dtype=float).ravel() for column in columns)
    return Purchases(frequency=x, recency=last, age=observed, spend_count=x + 1, spend_mean=mean)


def regulars(customers: int, seed: int = 1) -> Purchases:
    """Customers of a shop that the models describe well enough: random, the same each time."""
    rng = np.random.default_rng(seed)
    age = np.floor(rng.uniform(1, 700, customers))
    frequency = np.minimum(rng.poisson(rng.gamma(0.6, age / 80)), age)
    recency = np.where(frequency, np.ceil(age * rng.uniform(0, 1, customers) ** 0.5), 0)
    recency = np.minimum(np.maximum(recency, frequency), age)
    return past(frequency, recency, age, rng.gamma(4, 10, customers))
