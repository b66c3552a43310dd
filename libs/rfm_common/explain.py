"""Why a customer is in another segment than before: the one rule, for pages and for sums.

Two questions decide. Which segment would the figures of now have had under the model of
then? If another one than then, the customer moved by its own figures: by an order, or by
ageing. If the same, the model moved underneath a customer who stayed.

The edges between the scores decide no segment, because clusters are made of figures and not of
scores. They are the cause only for a customer who kept the segment and got other scores with
figures that would have had the old ones; among flows between segments they never occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import copysign, expm1, log1p

from rfm_common.documents import Edges, StoredModel
from rfm_common.models import Cause

SCORES = ("recency_days", "frequency", "monetary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one customer stands in one snapshot: all that decides why."""

    recency_days: int
    frequency: int
    monetary: Decimal
    segment_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures(Standing):
    """The same with its scores: a row of `rfm_features` with its segment."""

    r_score: int
    f_score: int
    m_score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringDefinition:
    """What a snapshot was measured with: fields of its row in `scoring_runs`, as stored."""

    calc_date: datetime
    window_days: int
    base_currency: str | None
    edges: Edges
    model: StoredModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange:
    """One of the three scores, then and now, and what moved it."""

    figure: str
    before: int
    after: int
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The explanation of one customer's segment; `before` is None for a new customer."""

    cause: Cause
    has_new_order: bool
    before: Figures | None
    after: Figures
    segment_by_old_model: str | None
    """Where the figures of now would be under the model of then."""
    scores: tuple[ScoreChange, ...]


def explain(
    before: Figures | None, after: Figures, then: ScoringDefinition | None, now: ScoringDefinition
) -> Why:
    """Compare a customer in two snapshots, each with the definition it was measured by."""
    if before is None or then is None or not then.model.get("centroids"):
        return Why(
            cause=Cause.NEW_CUSTOMER, has_new_order=after.frequency > 0, before=None, after=after,
            segment_by_old_model=None, scores=(),
        )  # fmt: skip
    ordered = has_new_order(before, after, elapsed_days(then.calc_date, now.calc_date))
    expected = segment_of(then.model, after)
    scores = _score_changes(before, after, then.edges, ordered)
    cause = segment_cause(before, after, then, now)
    return Why(
        cause=Cause.EDGES if cause is Cause.STAYED and _only_edges(scores) else cause,
        has_new_order=ordered, before=before, after=after, segment_by_old_model=expected,
        scores=scores,
    )  # fmt: skip


def segment_cause(
    before: Standing, after: Standing, then: ScoringDefinition, now: ScoringDefinition
) -> Cause:
    """Why the segment is another one; a model of then without centroids explains everything."""
    if before.segment_name == after.segment_name:
        return Cause.STAYED
    known = is_comparable(then, now) and then.model.get("centroids")
    if not known or segment_of(then.model, after) == before.segment_name:
        return Cause.MODEL
    ordered = has_new_order(before, after, elapsed_days(then.calc_date, now.calc_date))
    return Cause.NEW_ORDER if ordered else Cause.AGEING


def is_comparable(then: ScoringDefinition, now: ScoringDefinition) -> bool:
    """Whether both snapshots measure the same: one window, one currency."""
    return (then.window_days, then.base_currency) == (now.window_days, now.base_currency)


def elapsed_days(then: datetime, now: datetime) -> int:
    """Whole days between two snapshots: how much older every last order got at least."""
    return (now - then) // timedelta(days=1)


def has_new_order(before: Standing, after: Standing, elapsed: int) -> bool:
    """Whether time alone cannot have made these figures out of those.

    Time makes the last order older and lets orders leave the window; it never brings one in,
    and it does not change an amount. A correction or a late order therefore counts as new.
    """
    if after.frequency > before.frequency:
        return True
    if after.frequency == before.frequency and after.monetary != before.monetary:
        return True
    return after.frequency > 0 and after.recency_days < before.recency_days + elapsed


def _score_changes(
    before: Figures, after: Figures, edges: Edges, ordered: bool
) -> tuple[ScoreChange, ...]:
    own = Cause.NEW_ORDER if ordered else Cause.AGEING
    changes = []
    for figure in SCORES:
        name = f"{figure[0]}_score"
        was, is_now = getattr(before, name), getattr(after, name)
        cause = own if score_of(figure, after, edges) != was else Cause.EDGES
        cause = Cause.STAYED if was == is_now else cause
        changes.append(ScoreChange(figure=figure, before=was, after=is_now, cause=cause))
    return tuple(changes)


def _only_edges(scores: Sequence[ScoreChange]) -> bool:
    """Whether scores moved, and only because other customers did."""
    return {one.cause for one in scores} - {Cause.STAYED} == {Cause.EDGES}


def score_of(figure: str, figures: Standing, edges: Edges) -> int:
    """The score 1-5 of a figure between the given edges; 1 without an order or without edges."""
    if not figures.frequency or not edges.get(figure):
        return 1
    value = Decimal(getattr(figures, figure))
    place = sum(Decimal(str(edge)) < value for edge in edges[figure])
    return 5 - place if figure == "recency_days" else place + 1


def segment_of(model: StoredModel, figures: Standing) -> str:
    """The segment that a stored model gives to these figures."""
    return model["names"][cluster_of(model, figures)]


def cluster_of(model: StoredModel, figures: Standing) -> int:
    """The nearest centroid, the first of equals."""
    point = standardise(model, figures)
    squares = [
        sum((a - b) ** 2 for a, b in zip(point, centroid, strict=True))
        for centroid in model["centroids"]
    ]
    return squares.index(min(squares))


def standardise(model: StoredModel, figures: Standing) -> list[float]:
    """The customer's point in the space in which a stored model measures distance."""
    raw = [float(getattr(figures, name)) for name in SCORES]
    shaped = _shape(raw, model["transform"], model.get("lambdas"))
    return [
        (value - mean) / scale
        for value, mean, scale in zip(shaped, model["mean"], model["scale"], strict=True)
    ]


def _shape(raw: list[float], transform: str, lambdas: Sequence[float] | None) -> list[float]:
    if transform == "log1p":
        return [raw[0], *(copysign(log1p(abs(value)), value) for value in raw[1:])]
    if transform == "yeo-johnson":
        return [yeo_johnson(value, power) for value, power in zip(raw, lambdas or (), strict=True)]
    return raw


def yeo_johnson(value: float, power: float) -> float:
    """The Yeo-Johnson transform of one number."""
    if value < 0:
        return -yeo_johnson(-value, 2 - power)
    grown = log1p(value)
    return grown if power == 0 else expm1(power * grown) / power
