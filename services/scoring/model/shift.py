"""What another model would change for the same customers."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from rfm_common.documents import Move
from scoring.model.model import Model, Start
from scoring.model.space import Points


class Shift(NamedTuple):
    """How many customers were compared, and from which segment to which they would move."""

    customers: int
    moves: list[Move]

    @property
    def moved(self) -> int:
        """How many would be in another segment."""
        return sum(move["customers"] for move in self.moves)


def shift(features: Points, then: Start, now: Model) -> Shift:
    """Put customers (rows of R, F, M in real units) into the segments of both; most moves first."""
    earlier = Model(space=then.space, centroids=then.centroids, names=then.names, rule=then.rule,
                    fresh_days=then.fresh_days)  # fmt: skip
    labels = [one.with_firsts(features, one.assign(features).labels) for one in (earlier, now)]
    clusters, counts = np.unique(np.stack(labels), axis=1, return_counts=True)
    found: Counter[tuple[str, str]] = Counter()
    for (old, new), count in zip(clusters.T.tolist(), counts.tolist(), strict=True):
        found[earlier.segments[old], now.segments[new]] += count
    moves = [
        Move(from_segment=old, to_segment=new, customers=count)
        for (old, new), count in found.most_common()
        if old != new
    ]
    return Shift(len(features), moves)
