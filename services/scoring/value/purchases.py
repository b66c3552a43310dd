"""What the value models know of each customer's past: a few figures, no orders."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]
"""One number per customer."""
Rows = slice | NDArray[np.int64] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """The past of customers with at least one counted order, up to `calc_date`.

    A purchase is a day on the shop's wall clock with at least one counted order. Refunds are no
    purchases; they lower the spend. All arrays have one entry per customer.
    """

    frequency: Figures
    """Purchase days after the first one."""
    recency: Figures
    """Days from the first purchase day to the last; 0 where there is one only."""
    age: Figures
    """Days from the first purchase day to calc_date; never less than `recency`."""
    spend_count: Figures
    """Purchase days that `spend_mean` is the mean of, the first one included."""
    spend_mean: Figures
    """Mean kept amount of such a day in base currency; may be 0 or less after refunds."""

    def __len__(self) -> int:
        return len(self.frequency)

    def take(self, rows: Rows) -> Self:
        """The same figures of some of the customers."""
        return type(self)(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def grouped(self) -> NDArray[np.int64]:
        """Rows in an order that puts customers with the same number of purchases and age together.

        They share most of what a forecast computes.
        """
        return np.lexsort((self.age, self.frequency))

    @property
    def returned(self) -> NDArray[np.bool_]:
        """Whether each customer came back after the first purchase day."""
        return self.frequency > 0

    @property
    def silence(self) -> Figures:
        """Days from each customer's last purchase day to calc_date."""
        return self.age - self.recency
