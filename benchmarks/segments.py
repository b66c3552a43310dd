"""Segments against score maps: how well each foresees who will buy, and how steady each is.

    python -m benchmarks.segments > table.md

Scores, clusters and names are the product's own code, fitted day by day as its runs do. Beside it:
the usual map of eleven segments by scores, and the plain sum of scores. Takes some minutes.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol

import numpy as np
import polars as pl
from benchmarks.segments_shops import HORIZON, SHOPS, Shop
from numpy.typing import NDArray
from scipy.stats import rankdata

from rfm_common.settings import Rule
from scoring.model import Recipe, Start, fit
from scoring.model.names import BEST_FIRST
from scoring.snapshot import frames
from scoring.snapshot.features import edge_positions, edges_at

WINDOW = 365
DAYS = 8
"""Scored days in a row; the last one is judged by what comes after it."""
SMALLEST = 20
"""Customers below which the mean revenue of a segment says little."""
MAP_BEST_FIRST = (
    "Champions", "Loyal", "Potential Loyalists", "New", "Promising", "Need Attention",
    "About To Sleep", "At Risk", "Cannot Lose Them", "Hibernating", "Lost",
)  # fmt: skip
MAP: dict[int, Sequence[str]] = {
    5: ("New", "Potential Loyalists", "Potential Loyalists", "Champions", "Champions"),
    4: ("Promising", "Potential Loyalists", "Potential Loyalists", "Loyal", "Champions"),
    3: ("About To Sleep", "About To Sleep", "Need Attention", "Loyal", "Loyal"),
    2: ("Hibernating", "Hibernating", "At Risk", "At Risk", "Cannot Lose Them"),
    1: ("Lost", "Hibernating", "At Risk", "Cannot Lose Them", "Cannot Lose Them"),
}
"""By recency score, the segment of each mean of frequency and monetary score, 1 to 5."""


class Ranking(Protocol):
    """A way to put customers into segments, day after day."""

    order: Sequence[str]
    """Its segments, best first."""

    def segments(self, frame: pl.DataFrame) -> pl.Series:
        """The segment of each customer of a scored day."""
        ...


@dataclass
class Clusters:
    """The product's: the next day begins from the model of the day before."""

    k: int
    rule: Rule = "promises"
    order: Sequence[str] = BEST_FIRST
    start: Start | None = None

    def segments(self, frame: pl.DataFrame) -> pl.Series:
        features = frames.numbers(frames.clustered(frame, self.rule))
        model = fit(features, self.k, Recipe(42, "log1p", self.rule), self.start)
        self.start = Start(run_id=1, space=model.space, centroids=model.centroids,
                           names=model.names, rule=model.rule)  # fmt: skip
        return frames.assign(frame, model, model.assign(features))["segment_name"]


@dataclass
class Map:
    """Eleven names by scores."""

    order: Sequence[str] = MAP_BEST_FIRST

    def segments(self, frame: pl.DataFrame) -> pl.Series:
        middle = (frame["f_score"] + frame["m_score"] + 1) // 2
        cells = zip(frame["r_score"], middle, strict=True)
        return pl.Series([MAP[recency][place - 1] for recency, place in cells])


@dataclass
class Sum:
    """The three scores added up, 3 to 15."""

    order: Sequence[str] = tuple(str(total) for total in range(15, 2, -1))

    def segments(self, frame: pl.DataFrame) -> pl.Series:
        return (frame["r_score"] + frame["f_score"] + frame["m_score"]).cast(pl.String)


RANKINGS: dict[str, Callable[[], Ranking]] = {
    **{f"k={k}": lambda k=k: Clusters(k) for k in range(4, 9)},
    "classic": lambda: Clusters(5, "classic"),
    "map": Map,
    "sum": Sum,
}


@dataclass
class Judged:
    """What came out, a figure per shop and seed."""

    gini: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    auc: list[float] = field(default_factory=list)
    wrong: int = 0
    pairs: int = 0
    moved: int = 0
    quiet: int = 0

    def add(self, other: "Judged") -> None:
        self.gini += other.gini
        self.best += other.best
        self.auc += other.auc
        for name in ("wrong", "pairs", "moved", "quiet"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def cells(self) -> dict[str, str]:
        return {
            "Gini of revenue": f"{np.mean(self.gini):.3f}",
            "the same in the best order": f"{np.mean(self.best):.3f}",
            "AUC of buying again": f"{np.mean(self.auc):.3f}",
            "pairs in the wrong order": f"{self.wrong} of {self.pairs}",
            "quiet customers moved a day": f"{self.moved / self.quiet:.2%}",
        }


def scored(shop: Shop, today: int) -> pl.DataFrame:
    """R, F, M and scores of all who ordered by the end of a day, like the product's query."""
    orders = pl.DataFrame({"customer": shop.customer, "day": shop.day, "amount": shop.amount})
    known = orders.filter(pl.col("day") < today)
    recent = known.filter(pl.col("day") >= today - WINDOW).group_by("customer").agg(
        recency_days=(today - pl.col("day").max()).floor().cast(pl.Int32),
        frequency=pl.len().cast(pl.Int32), monetary=pl.col("amount").sum().cast(frames.MONEY),
    )  # fmt: skip
    frame = known.select("customer").unique().join(recent, on="customer", how="left").sort(
        "customer"
    ).select(
        pl.col("customer").cast(pl.String).str.zfill(6).alias("customer_id"),
        pl.col("recency_days").fill_null(WINDOW + 1), pl.col("frequency").fill_null(0),
        pl.col("monetary").fill_null(0).cast(frames.MONEY), "customer",
        left_out=pl.lit(0, pl.Int32), country=pl.lit(""), silent_days=pl.lit(0, pl.Int32),
    )  # fmt: skip
    active = frames.totals(frame).active_customers
    values = frames.active_values(frame, edge_positions(active))
    return frames.score(frame, {name: edges_at(values[name], active) for name in values})


def judge(shop: Shop, days: Sequence[pl.DataFrame], ranking: Ranking) -> Judged:
    """Follow the ranking through the days, and hold the last one against what came after."""
    found, before = Judged(), {}
    for place, frame in enumerate(days):
        today = shop.today - len(days) + 1 + place
        now = dict(zip(frame["customer"], ranking.segments(frame), strict=True))
        ordered = set(shop.customer[(shop.day >= today - 1) & (shop.day < today)].tolist())
        quiet = before.keys() - ordered
        found.quiet += len(quiet)
        found.moved += sum(before[one] != now[one] for one in quiet)
        before = now
    level = {name: place for place, name in enumerate(ranking.order)}
    rank = np.array([level[before[one]] for one in days[-1]["customer"]])
    revenue = later(shop)[days[-1]["customer"].to_numpy()]
    found.gini, found.auc = [gini(rank, revenue)], [auc(rank, revenue > 0)]
    found.best = [gini(in_best_order(rank, revenue), revenue)]
    found.wrong, found.pairs = wrong_pairs(rank, revenue)
    return found


def later(shop: Shop) -> NDArray[np.float64]:
    """What each customer spends in the days to come."""
    after = (shop.day >= shop.today) & (shop.day < shop.today + HORIZON)
    return np.bincount(shop.customer[after], shop.amount[after], int(shop.customer.max()) + 1)


def in_best_order(rank: NDArray[np.int64], revenue: NDArray[np.float64]) -> NDArray[np.int64]:
    """The ranks of the same segments in the order that hindsight would have chosen."""
    _, place = np.unique(rank, return_inverse=True)
    means = np.bincount(place, revenue) / np.bincount(place)
    return rankdata(-means, "ordinal")[place]


def gini(rank: NDArray[np.int64], revenue: NDArray[np.float64]) -> float:
    """1 when the order is that of revenue, 0 when it says nothing; ties share what they spend."""
    return _area(rank, revenue) / _area(rankdata(-revenue, "ordinal"), revenue)


def _area(rank: NDArray[np.int64], revenue: NDArray[np.float64]) -> float:
    """Twice the area between the diagonal and the curve of revenue over customers, best first."""
    _, place = np.unique(rank, return_inverse=True)
    people = np.cumsum(np.bincount(place)) / len(rank)
    money = np.cumsum(np.bincount(place, revenue)) / revenue.sum()
    return 2 * float(np.trapezoid([0, *money], [0, *people])) - 1


def auc(rank: NDArray[np.int64], buys: NDArray[np.bool_]) -> float:
    """How often somebody who buys again stands above somebody who does not."""
    hits = int(buys.sum())
    above = rankdata(-rank)[buys].sum() - hits * (hits + 1) / 2
    return float(above / (hits * (len(buys) - hits)))


def wrong_pairs(rank: NDArray[np.int64], revenue: NDArray[np.float64]) -> tuple[int, int]:
    """Pairs of segments of which the better spends less on average, and all pairs."""
    large = [place for place in np.unique(rank) if (rank == place).sum() >= SMALLEST]
    means = [revenue[rank == place].mean() for place in large]
    pairs = list(combinations(means, 2))
    return sum(better < worse for better, worse in pairs), len(pairs)


def main() -> None:
    """Judge every ranking in every shop and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print(f"| shop | figure | {' | '.join(RANKINGS)} |")
    print("|---|---|" + "---:|" * len(RANKINGS))
    overall = {name: Judged() for name in RANKINGS}
    for title, make in SHOPS.items():
        found = {name: Judged() for name in RANKINGS}
        for seed in range(options.seeds):
            shop = make(np.random.default_rng(seed))
            days = [scored(shop, shop.today - ago) for ago in range(DAYS)[::-1]]
            for name, ranking in RANKINGS.items():
                found[name].add(judge(shop, days, ranking()))
        print_rows(title, found)
        for name, judged in found.items():
            overall[name].add(judged)
    print_rows("**all**", overall)


def print_rows(title: str, found: dict[str, Judged]) -> None:
    """A row for each figure."""
    cells = [judged.cells() for judged in found.values()]
    for figure in cells[0]:
        print(f"| {title} | {figure} | {' | '.join(one[figure] for one in cells)} |", flush=True)


if __name__ == "__main__":
    main()
