"""How often customers change segment: with a model made anew each day, with one that is pinned,
and with a margin at its borders.

    python -m benchmarks.borders

The shops of `benchmarks.segments`, scored day by day with the product's own code; the first days
are not counted, in which a margin only delays. Takes some three minutes; `--margins` tries others.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import polars as pl
from benchmarks.segments import scored
from benchmarks.segments_shops import SHOPS, Shop
from numpy.typing import NDArray

from rfm_common.borders import MARGIN, is_same_model
from scoring.model import Assignment, Model, Recipe, Start, fit
from scoring.model.fit import broken_names
from scoring.model.names import BEST_FIRST, LOST
from scoring.snapshot import frames

DELAYED, COUNTED = 30, 30
"""Days that are scored before, and days that are counted."""
BACK = 30
"""Back in a segment that was left no more than so many days ago: a flip."""
PLACES = {name: place for place, name in enumerate(BEST_FIRST)}
UNKNOWN = -1
ANEW = "made anew each day"


class Day(NamedTuple):
    """A scored day of a shop."""

    frame: pl.DataFrame
    model: Model
    is_new: bool
    """Whether the model is another one than the day before."""
    ordered: NDArray[np.int64]
    """Who ordered on that day."""


class Step(NamedTuple):
    """Customers of a day: who, in which segment, who of them moved, who had no order."""

    who: NDArray[np.int64]
    now: NDArray[np.int64]
    moved: NDArray[np.bool_]
    quiet: NDArray[np.bool_]


@dataclass
class Count:
    """What was counted; of all shops it is their sum."""

    flips: int = 0
    moved: int = 0
    crossed: int = 0
    quiet: int = 0
    held: int = 0
    buyers: int = 0
    untrue: int = 0
    days: int = 0

    def add(self, other: "Count") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def cells(self) -> list[str]:
        return [
            f"{self.flips:,}", f"{self.moved / self.quiet:.2%}",
            f"{self.crossed / self.quiet:.2%}", f"{self.held / self.buyers:.1%}",
            f"{self.untrue} of {self.days}",
        ]  # fmt: skip


HEADINGS = ("A-B-A flips", "quiet moves a day", "of them over a border in one model",
            "buyers held", "days with an untrue name")  # fmt: skip


@dataclass
class Line:
    """One shop followed with one margin."""

    margin: float
    people: int
    count: Count = field(default_factory=Count)
    before: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        self.segment, self.left = np.full((2, self.people), UNKNOWN)
        self.since = np.full(self.people, -BACK - 1)

    def follow(self, number: int, day: Day) -> None:
        model = replace(day.model, margin=self.margin)
        buyers = frames.clustered(day.frame, "promises")
        nearest = found = model.assign(frames.numbers(buyers))
        if self.margin and self.before is not None and not day.is_new:
            found = frames.held(buyers, model, nearest, self.before)
            if is_untrue(model, buyers, found) and not is_untrue(model, buyers, nearest):
                found = nearest
        placed = frames.assign(day.frame, model, found)
        self.before = placed.select("customer_id", "segment_name")
        if number >= DELAYED:
            self.count.add(Count(
                held=int((found.labels != nearest.labels).sum()), buyers=buyers.height,
                untrue=is_untrue(model, buyers, found), days=1,
            ))  # fmt: skip
        self._move(number, day, placed)

    def _move(self, number: int, day: Day, placed: pl.DataFrame) -> None:
        who = placed["customer"].to_numpy()
        now = placed["segment_name"].replace_strict(PLACES).to_numpy()
        known = self.segment[who] != UNKNOWN
        moved = known & (self.segment[who] != now)
        if number >= DELAYED:
            quiet = known & ~np.isin(who, day.ordered)
            self._count_moves(number, day, Step(who, now, moved, quiet))
        gone = who[moved]
        self.left[gone], self.since[gone] = self.segment[gone], number
        self.segment[who] = now

    def _count_moves(self, number: int, day: Day, step: Step) -> None:
        who, now, moved, quiet = step
        flips = moved & (self.left[who] == now) & (number - self.since[who] <= BACK)
        gone = moved & quiet
        crossed = 0 if day.is_new else int((gone & (now != PLACES[LOST])).sum())
        self.count.add(Count(
            flips=int(flips.sum()), moved=int(gone.sum()), crossed=crossed, quiet=int(quiet.sum())
        ))  # fmt: skip


def is_untrue(model: Model, buyers: pl.DataFrame, found: Assignment) -> bool:
    """Whether a name does not hold of these clusters."""
    return bool(broken_names(model, frames.numbers(buyers), labels=found.labels))


def days_of(shop: Shop, *, is_pinned: bool = True) -> Iterator[Day]:
    """The shop scored day by day, each day from the model of the day before, or from nothing."""
    start, before = None, None
    for ago in range(DELAYED + COUNTED)[::-1]:
        today = shop.today - ago
        frame = scored(shop, today)
        model = fit(frames.numbers(frames.clustered(frame, "promises")), 5,
                    Recipe(42, "log1p"), start)  # fmt: skip
        start = Start.stored(model.data(), run_id=1) if is_pinned else None
        is_new = before is None or not is_same_model(before.data(), model.data())
        ordered = np.unique(shop.customer[(shop.day >= today - 1) & (shop.day < today)])
        yield Day(frame, model, is_new, ordered)
        before = model


def followed(shop: Shop, margins: Sequence[float]) -> dict[str, Count]:
    """What each way comes to in one shop."""
    people = int(shop.customer.max()) + 1
    anew, lines = Line(0.0, people), {way(margin): Line(margin, people) for margin in margins}
    for number, day in enumerate(days_of(shop, is_pinned=False)):
        anew.follow(number, day)
    for number, day in enumerate(days_of(shop)):
        for line in lines.values():
            line.follow(number, day)
    return {name: line.count for name, line in {ANEW: anew, **lines}.items()}


def way(margin: float) -> str:
    """The name of a row."""
    return f"pinned, margin {margin:g}" if margin else "pinned"


def main() -> None:
    """Follow every shop and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--margins", type=float, nargs="+", default=[MARGIN])
    options = parser.parse_args()
    margins = [0.0, *options.margins]
    print(f"| shop | model | {' | '.join(HEADINGS)} |")
    print("|---|---|" + "---:|" * len(HEADINGS))
    ways = [ANEW, *map(way, margins)]
    overall = {name: Count() for name in ways}
    for title, make in SHOPS.items():
        found = {name: Count() for name in ways}
        for seed in range(options.seeds):
            shop = make(np.random.default_rng(seed))
            for name, count in followed(shop, margins).items():
                found[name].add(count)
        print_rows(title, found)
        for name, count in found.items():
            overall[name].add(count)
    print_rows("**all**", overall)


def print_rows(title: str, found: dict[str, Count]) -> None:
    """A row for each way."""
    for name, count in found.items():
        print(f"| {title} | {name} | {' | '.join(count.cells())} |", flush=True)


if __name__ == "__main__":
    main()
