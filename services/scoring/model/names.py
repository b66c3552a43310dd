"""Names of segments, each a promise in figures that a person can check. Pure.

Who bought in the window is clustered, and a cluster's name follows from its median recency, its
median frequency and its mean monetary beside those of all buyers. The others are told apart by
rule: Lost ordered before the window, Prospects never did.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfm_common.firsts import NEW

CAME_BACK = 2
"""Median orders from which a cluster's customers are said to have come back."""
A_LITTLE_OLDER = 1.1
"""Need Attention ends at this multiple of the third quartile of the buyers' recency."""
LOST, PROSPECTS = "Lost", "Prospects"
APART = (LOST, PROSPECTS, NEW)
"""Segments without a cluster, numbered behind the clusters in this order; New Customers may have
clusters, too."""
BEST_FIRST = (
    "Champions", "Loyal Customers", "Potential Loyalists", "Big Spenders", NEW,
    "Need Attention", "At Risk", "Hibernating", LOST, PROSPECTS,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The figures of one cluster in real units that its name follows from."""

    recency_days: float
    """Median."""
    frequency: float
    """Median."""
    monetary: float
    """Mean."""
    worth: float
    """f + m - r of the centroid, in standard deviations."""
    is_empty: bool = False
    """Whether nobody is in it: then its name says nothing about anybody."""

    @property
    def came_back(self) -> bool:
        """Whether at least half of them ordered twice or more."""
        return self.frequency >= CAME_BACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyers:
    """The same figures of everybody who bought in the window."""

    recency_days: float
    """Median."""
    third_quartile: float
    """Of recency, days."""
    monetary: float
    """Mean."""
    typical_monetary: float
    """Median: a few who spend most lift the mean far above the typical buyer."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What names depend on: the clusters beside all buyers."""

    buyers: Buyers
    clusters: Sequence[Profile]
    slack: float = 0.0
    """By which share a figure may miss its mark: for a model that is not to change for trifles."""

    @classmethod
    def of(
        cls,
        features: NDArray[np.float64],
        labels: NDArray[np.int16],
        centroids: NDArray[np.float64],
    ) -> "Naming":
        """Measure buyers (rows of R, F, M in real units) and the clusters that they are in."""
        parts = [features[labels == number] for number in range(len(centroids))]
        profiles = [_profile(part, at) for part, at in zip(parts, centroids, strict=True)]
        return cls(_buyers(features), profiles)

    @classmethod
    def shown(
        cls,
        features: NDArray[np.float64],
        stats: Sequence[Mapping[str, Any]],
        centroids: NDArray[np.float64],
    ) -> "Naming":
        """The same with clusters as rows of `segment_stats` have them, by cluster."""
        pairs = zip(stats, centroids, strict=False)  # behind the clusters are those apart
        return cls(_buyers(features), [_shown(row, at) for row, at in pairs])

    def is_recent(self, one: Profile) -> bool:
        """Whether a cluster ordered no longer ago than buyers do at the median."""
        return one.recency_days <= self.buyers.recency_days * (1 + self.slack)

    def is_older(self, one: Profile) -> bool:
        """Whether it ordered longer ago."""
        return one.recency_days > self.buyers.recency_days * (1 - self.slack)

    def is_rich(self, one: Profile) -> bool:
        """Whether a cluster spent more than the average buyer."""
        return one.monetary > self.buyers.monetary * (1 - self.slack)

    @property
    def oldest_in_need(self) -> float:
        """The median recency at which Need Attention ends."""
        return A_LITTLE_OLDER * self.buyers.third_quartile * (1 + self.slack)

    def is_valuable(self, one: Profile) -> bool:
        """Whether a cluster spent more on average than the typical buyer."""
        return one.monetary > self.buyers.typical_monetary * (1 - self.slack)

    def names(self) -> list[str]:
        """A name for each cluster; clusters of equal names form one segment.

        Recent clusters that came back share Champions, Loyal Customers and Potential Loyalists
        by worth; every other name is a question of the cluster's own figures.
        """
        names = [self._own_name(one) for one in self.clusters]
        loyal = [number for number, one in enumerate(self.clusters) if self._is_loyal(one)]
        loyal.sort(key=lambda number: -self.clusters[number].worth)
        if (best := self._richest()) in loyal:
            loyal.remove(best)
            names[best] = "Champions"
        for place, number in enumerate(loyal):
            names[number] = "Potential Loyalists" if place else "Loyal Customers"
        return names

    def _is_loyal(self, one: Profile) -> bool:
        return self.is_recent(one) and one.came_back

    def _richest(self) -> int:
        return max(range(len(self.clusters)), key=lambda number: self.clusters[number].monetary)

    def _own_name(self, one: Profile) -> str:
        if self.is_recent(one):
            return "Big Spenders" if self.is_rich(one) else "New Customers"
        if one.came_back and self.is_valuable(one):
            return "At Risk"
        return "Need Attention" if self._is_middling(one) else "Hibernating"

    def _is_middling(self, one: Profile) -> bool:
        return one.came_back and one.recency_days <= self.oldest_in_need

    def broken(self, names: Sequence[str]) -> list[str]:
        """A sentence for each name that its cluster's figures contradict."""
        pairs = zip(names, self.clusters, strict=True)
        own = [PROMISES[name](self, one) for name, one in pairs if not one.is_empty]
        return [sentence for sentence in (*own, self._order_broken(names)) if sentence]

    def _order_broken(self, names: Sequence[str]) -> str:
        """Loyal Customers are worth more than Potential Loyalists."""
        worth: dict[str, list[float]] = {"Loyal Customers": [], "Potential Loyalists": []}
        for name, one in zip(names, self.clusters, strict=True):
            worth.get(name if not one.is_empty else "", []).append(one.worth)
        loyal, potential = worth.values()
        holds = not loyal or not potential or min(loyal) >= max(potential) - self.slack
        return "" if holds else "Potential Loyalists are worth more than Loyal Customers"


def _buyers(features: NDArray[np.float64]) -> Buyers:
    return Buyers(
        recency_days=float(np.median(features[:, 0])),
        third_quartile=float(np.quantile(features[:, 0], 0.75)),
        monetary=_money(features[:, 2].mean()),
        typical_monetary=_money(np.median(features[:, 2])),
    )


def _profile(part: NDArray[np.float64], centroid: NDArray[np.float64]) -> Profile:
    if not len(part):
        return Profile(
            recency_days=0, frequency=0, monetary=0, worth=_worth(centroid), is_empty=True
        )
    return Profile(
        recency_days=float(np.median(part[:, 0])), frequency=float(np.median(part[:, 1])),
        monetary=_money(part[:, 2].mean()), worth=_worth(centroid),
    )  # fmt: skip


def _shown(row: Mapping[str, Any], centroid: NDArray[np.float64]) -> Profile:
    return Profile(
        recency_days=row["median_recency_days"], frequency=row["median_frequency"],
        monetary=_money(row["avg_monetary"]), worth=_worth(centroid),
        is_empty=not row["customer_count"],
    )  # fmt: skip


def _money(value: Any) -> float:
    """To the fourth digit, as money is stored: equal means are equal, however they came about."""
    return round(float(value), 4)


def _worth(centroid: NDArray[np.float64]) -> float:
    r, f, m = centroid.tolist()
    return float(f + m - r)


def _holds(*conditions: tuple[bool, str]) -> str:
    """The first condition that fails, as a sentence, or nothing."""
    return next((sentence for holds, sentence in conditions if not holds), "")


def _recent(naming: Naming, one: Profile, who: str) -> tuple[bool, str]:
    return naming.is_recent(one), (
        f"{who} are not recent: their median recency is {one.recency_days:,.0f} days,"
        f" that of all buyers {naming.buyers.recency_days:,.0f}"
    )


def _older(naming: Naming, one: Profile, who: str) -> tuple[bool, str]:
    return naming.is_older(one), (
        f"{who} are as recent as others: their median recency is {one.recency_days:,.0f} days,"
        f" that of all buyers {naming.buyers.recency_days:,.0f}"
    )


def _returned(one: Profile, who: str) -> tuple[bool, str]:
    return one.came_back, f"most {who} ordered once (median {one.frequency:g} orders)"


def _once(one: Profile, who: str) -> tuple[bool, str]:
    return not one.came_back, f"most {who} ordered more than once (median {one.frequency:g} orders)"


def _rich(naming: Naming, one: Profile, who: str) -> tuple[bool, str]:
    return naming.is_rich(one), (
        f"{who} spent {one.monetary:,.2f} on average, no more than the average buyer"
        f" ({naming.buyers.monetary:,.2f})"
    )


def _champions(naming: Naming, one: Profile) -> str:
    most = max(other.monetary for other in naming.clusters)
    richest = f"Champions spent {one.monetary:,.2f} on average, another cluster {most:,.2f}"
    return _holds(
        _recent(naming, one, "Champions"), _returned(one, "Champions"),
        (one.monetary >= most * (1 - naming.slack), richest),
    )  # fmt: skip


def _loyal(naming: Naming, one: Profile) -> str:
    who = "Loyal Customers"
    return _holds(_recent(naming, one, who), _returned(one, who))


def _potential(naming: Naming, one: Profile) -> str:
    who = "Potential Loyalists"
    return _holds(_recent(naming, one, who), _returned(one, who))


def _big(naming: Naming, one: Profile) -> str:
    who = "Big Spenders"
    return _holds(_recent(naming, one, who), _once(one, who), _rich(naming, one, who))


def _new(naming: Naming, one: Profile) -> str:
    return _holds(_recent(naming, one, "New Customers"), _once(one, "New Customers"))


def _attention(naming: Naming, one: Profile) -> str:
    return _holds(
        _returned(one, "Need Attention customers"),
        (one.recency_days <= naming.oldest_in_need,
         f"Need Attention is older than most: median recency {one.recency_days:,.0f} days"),
    )  # fmt: skip


def _at_risk(naming: Naming, one: Profile) -> str:
    who = "At Risk customers"
    poor = (
        f"{who} spent {one.monetary:,.2f} on average, no more than the typical buyer"
        f" ({naming.buyers.typical_monetary:,.2f})"
    )
    return _holds(_returned(one, who), _older(naming, one, who), (naming.is_valuable(one), poor))


def _hibernating(naming: Naming, one: Profile) -> str:
    poor = "Hibernating customers came back and spent more than the typical buyer"
    is_rich = one.monetary > naming.buyers.typical_monetary * (1 + naming.slack)
    return _holds(
        _older(naming, one, "Hibernating customers"), (not (one.came_back and is_rich), poor)
    )


PROMISES: dict[str, Callable[[Naming, Profile], str]] = {
    "Champions": _champions,
    "Loyal Customers": _loyal,
    "Potential Loyalists": _potential,
    "Big Spenders": _big,
    "New Customers": _new,
    "Need Attention": _attention,
    "At Risk": _at_risk,
    "Hibernating": _hibernating,
}
"""By name, what is untrue of a cluster as a sentence; empty where the name holds."""
