"""How far to trust the figures: what was expected at a past date, beside what came."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from scoring.value import buying
from scoring.value.expectation import expected_orders
from scoring.value.forecasting import Outlook
from scoring.value.model import ValueModel
from scoring.value.purchases import Figures, Purchases

Plain = Literal["revenue", "scores", "recency"]
Name = Literal["value", "revenue", "scores", "recency"]
PLAIN: tuple[Plain, ...] = ("revenue", "scores", "recency")
"""The first wins ties between them."""
NAMES: dict[Name, str] = {
    "value": "value to come",
    "revenue": "revenue of the last {window_days} days",
    "scores": "the sum of R, F and M scores",
    "recency": "the days since the last order",
}
"""As people read them."""
YEAR = 365
GROUPS = 10
ENOUGH = 30
"""Customers who bought again; with fewer, which ranking is best cannot be told from chance."""
TIE = 0.005
"""Ginis nearer than this are shown as the same number, and count as equal."""
CLOSE = 0.1
"""An error in total within this share is what the models are expected to reach."""
NOISE = 2.0
"""Standard errors within which a fall from one group to the next may be chance."""
GROUP_NOISE = 3.0
"""Standard errors within which one of ten groups may be off by chance."""
GROUP_CLOSE = 0.2
"""An error that matters for no decision about a group."""


class Actual(NamedTuple):
    """What each customer did in the days after the cut."""

    orders: Figures
    """Purchase days."""
    revenue: Figures
    """Kept amounts in base currency; less than 0 where refunds exceeded them."""


@dataclass(frozen=True, slots=True)
class Group:
    """A tenth of the customers, ranked by expected orders, the fewest first."""

    customers: int
    expected_orders: float
    actual_orders: float
    expected_revenue: float
    actual_revenue: float

    @property
    def is_off(self) -> bool:
        """Whether the orders differ from the expected ones by more than chance, and by much."""
        gap, expected = abs(self.actual_orders - self.expected_orders), self.expected_orders
        return gap > GROUP_CLOSE * expected and gap > GROUP_NOISE * expected**0.5


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well one order of the customers agrees with what came."""

    name: Name
    gini: float
    """Of revenue: 1 ranks customers as they really spent, 0 is chance, below 0 is worse."""
    auc: float
    """The chance that of two customers, one of whom bought again, that one stands higher."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The judgement of one cut."""

    days: int
    window_days: int
    """Of the revenue and the scores that the plain rankings are made of."""
    customers: int
    bought_again: int
    expected_orders: float
    actual_orders: float
    expected_revenue: float
    actual_revenue: float
    groups: list[Group]
    rankings: list[Ranking]
    """The model's first, then the plain ones."""
    best: Name
    """What lists are ranked by."""

    @property
    def error(self) -> float | None:
        """Share by which more orders were expected than came; None where none came."""
        return self.expected_orders / self.actual_orders - 1 if self.actual_orders else None

    @property
    def revenue_error(self) -> float | None:
        """The same of revenue; None where refunds left nothing."""
        return self.expected_revenue / self.actual_revenue - 1 if self.actual_revenue > 0 else None

    @property
    def rises(self) -> bool:
        """Whether each group bought more than the one before, but for chance."""
        came = np.array([group.actual_orders for group in self.groups])
        falls = came[:-1] - came[1:]
        return bool((falls <= NOISE * np.sqrt(came[:-1] + came[1:])).all())

    @property
    def off(self) -> int:
        """How many groups bought much more or much less than expected."""
        return sum(group.is_off for group in self.groups)

    @property
    def sentences(self) -> list[str]:
        """The verdict for people: which ranking, then how far the amounts can be trusted."""
        return [_verdict(self), _calibration(self)]

    def data(self) -> dict[str, Any]:
        """A document for a JSON column."""
        derived = {
            "error": self.error, "revenue_error": self.revenue_error, "rises": self.rises,
            "off": self.off, "is_clear": self.bought_again >= ENOUGH,
        }  # fmt: skip
        return asdict(self) | derived | {"sentences": self.sentences}


def judge(
    days: int, expected: Outlook, actual: Actual, plain: Mapping[Plain, Figures],
    window_days: int = YEAR,
) -> Trust:  # fmt: skip
    """Compare what was expected of customers within `days` with what came.

    `plain` are other figures of the same customers at the cut by which they could be ranked, the
    highest first: money of the window before it, the sum of scores, minus the days of silence.
    """
    bought = actual.orders > 0
    earned = np.maximum(actual.revenue, 0)
    rankings = [
        Ranking("value", gini(expected.revenue, earned), auc(expected.buys, bought)),
        *(Ranking(name, gini(plain[name], earned), auc(plain[name], bought)) for name in PLAIN),
    ]
    return Trust(
        days=days, window_days=window_days, customers=len(bought), bought_again=int(bought.sum()),
        expected_orders=float(expected.orders.sum()), actual_orders=float(actual.orders.sum()),
        expected_revenue=float(expected.revenue.sum()), actual_revenue=float(actual.revenue.sum()),
        groups=groups(expected, actual), rankings=rankings,
        best=_best(rankings, int(bought.sum())),
    )  # fmt: skip


def groups(expected: Outlook, actual: Actual) -> list[Group]:
    """Tenths of the customers by expected orders; fewer where there are fewer customers."""
    order = np.argsort(expected.orders, kind="stable")
    parts = np.array_split(order, min(GROUPS, len(order)) or 1)
    columns = (expected.orders, actual.orders, expected.revenue, actual.revenue)
    return [Group(len(rows), *(float(column[rows].sum()) for column in columns)) for rows in parts]


def weekly(model: ValueModel, before: Purchases, weeks: int) -> list[float]:
    """Orders expected of all customers in each week after the cut."""
    ends = tuple(7.0 * week for week in range(1, weeks + 1))
    within = expected_orders(model.habits, before.frequency, before.age, ends, 0.0).within
    active = buying.active(model.habits, before)
    totals = [0.0, *(float(active @ orders) for orders in within)]
    return [later - earlier for earlier, later in pairwise(totals)]


def gini(ranking: Figures, amounts: Figures) -> float:
    """How well a ranking finds the amounts: 1 as well as can be, 0 like chance.

    The area between the concentration curve of the amounts and the diagonal, as a share of what
    the best ranking reaches; customers who rank the same share what they bring.
    """
    best = _concentration(amounts, amounts)
    return _concentration(ranking, amounts) / best if best > 0 else 0.0


def _concentration(ranking: Figures, amounts: Figures) -> float:
    ranks = rankdata(ranking)
    return float(amounts @ (ranks - (len(ranks) + 1) / 2))


def auc(ranking: Figures, happened: NDArray[np.bool_]) -> float:
    """The area under the ROC curve; 0.5 is chance, and what is said where nothing differs."""
    yes = int(happened.sum())
    no = len(happened) - yes
    if not yes or not no:
        return 0.5
    above = rankdata(ranking)[happened].sum() - yes * (yes + 1) / 2
    return float(above / (yes * no))


def _best(rankings: list[Ranking], bought_again: int) -> Name:
    """The ranking to use: the model's only where it is better than every plain one."""
    value, *plain = rankings
    if bought_again < ENOUGH:
        return plain[0].name
    best = max(plain, key=lambda one: one.gini)
    return value.name if value.gini >= best.gini + TIE else best.name


def name_of(name: Name, window_days: int) -> str:
    """As people read it."""
    words = NAMES[name].format(window_days=window_days)
    return words.replace(f"{YEAR} days", "year")


def _verdict(trust: Trust) -> str:
    names: dict[Name, str] = {name: name_of(name, trust.window_days) for name in NAMES}
    value, *plain = trust.rankings
    if trust.bought_again < ENOUGH:
        return (
            f"Too few customers bought in these {trust.days} days ({trust.bought_again}) to say "
            f"which ranking is best on this shop, so lists are ranked by {names[trust.best]}."
        )
    points = {one.name: f"{100 * one.gini:.0f}" for one in trust.rankings}
    scale = "where 100 is the order of what they really spent and 0 is chance"
    rest = ", ".join(f"{names[one.name]} {points[one.name]}" for one in plain)
    if trust.best == "value":
        return (
            f"On this shop, value to come ranks customers best: it earns {points['value']} "
            f"points, {scale} ({rest})."
        )
    return (
        f"On this shop, {names[trust.best]} ranks customers as well as value to come or better, "
        f"so lists are ranked by it: it earns {points[trust.best]} points, value to come "
        f"{points[value.name]}, {scale}."
    )


def _calibration(trust: Trust) -> str:
    came = f"In these {trust.days} days {_count(trust.actual_orders)} orders came"
    expected = f"{_count(trust.expected_orders)} were expected"
    if trust.error is None:
        return f"In these {trust.days} days no order came; {expected}."
    side = "too many" if trust.error > 0 else "too few"
    gap = f"{came} and {expected}, {_percent(trust.error)} {side}"
    if abs(trust.error) > CLOSE:
        return f"{gap}: use the ranking, and do not count on the amounts."
    if trust.off:
        groups = f"{trust.off} of {len(trust.groups)} groups of customers"
        return f"{gap} in all, but {groups} are off by more than a fifth: use the total."
    if not trust.rises:
        return f"{gap} in all, but some groups expected to buy more bought less: use the total."
    if trust.revenue_error is None or abs(trust.revenue_error) > CLOSE:
        return f"{gap}, but {_revenue(trust.revenue_error)}: use the numbers of orders."
    return f"{gap}; customers expected to buy more did buy more, so the amounts can be used."


def _revenue(error: float | None) -> str:
    if error is None:
        return "refunds left no revenue"
    return f"the revenue expected was {_percent(error)} too {'high' if error > 0 else 'low'}"


def _percent(error: float) -> str:
    """Without its sign, and with one decimal as in the tables of pages."""
    share = abs(error)
    return "< 0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def _count(number: float) -> str:
    """With commas, like the other sentences that are stored."""
    return f"{number:,.0f}"
