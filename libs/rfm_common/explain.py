"""Why a customer is in another segment than before: the one rule, for pages and for sums.

Two questions decide. Which segment would the figures of now have had under the model of
then, starting from the segment of then? If another one than then, the customer moved by its own
figures: by an order, or by ageing. If the same, the model moved underneath a customer who stayed.

The edges between the scores decide no segment, because clusters are made of figures and not of
scores. They are the cause only for a customer who kept the segment and got other scores with
figures that would have had the old ones; among flows between segments they never occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import copysign, expm1, log1p
from zoneinfo import ZoneInfo

from rfm_common.basis import Basis, basis_of, changed
from rfm_common.borders import is_same_model, stays_in
from rfm_common.calendar import days_between
from rfm_common.documents import Centroids, Edges, Measured, StoredModel
from rfm_common.firsts import segment_with_firsts
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
    measured: Measured
    """`summary.measured`: the counted statuses and the time zone."""

    @property
    def basis(self) -> Basis:
        """What it must share with another for its customers to have moved by themselves."""
        return basis_of(self.window_days, self.base_currency, self.model, self.measured)


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
    ordered = has_new_order(before, after, elapsed_days(then, now))
    is_alike = is_comparable(then, now)
    expected = segment_of(then.model, after, before.segment_name) if is_alike else None
    own = own_cause(before, after, then, now) if expected else Cause.DEFINITION
    scores = _score_changes(before, after, then.edges, own)
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
    if not is_comparable(then, now):
        return Cause.DEFINITION
    if is_by_model(before, after, then, now):
        return Cause.MODEL
    return own_cause(before, after, then, now)


def is_by_model(
    before: Standing, after: Standing, then: ScoringDefinition, now: ScoringDefinition
) -> bool:
    """Whether a customer who moved would have stayed under the model of then, which is gone."""
    if not then.model.get("centroids"):
        return True
    stayed = segment_of(then.model, after, before.segment_name) == before.segment_name
    return stayed and not is_same_model(then.model, now.model)


def own_cause(
    before: Standing, after: Standing, then: ScoringDefinition, now: ScoringDefinition
) -> Cause:
    """What changed a customer's figures between two snapshots that measure the same."""
    elapsed = elapsed_days(then, now)
    if has_new_order(before, after, elapsed):
        return Cause.NEW_ORDER
    is_corrected = was_corrected(before, after, elapsed, now.window_days)
    return Cause.CORRECTION if is_corrected else Cause.AGEING


def is_comparable(then: ScoringDefinition, now: ScoringDefinition) -> bool:
    """Whether both snapshots measure the same."""
    return not changed(then.basis, now.basis)


def elapsed_days(then: ScoringDefinition, now: ScoringDefinition) -> int:
    """Whole days between two snapshots: how much older every last order got at least."""
    return days_between(
        then.calc_date, now.calc_date, ZoneInfo(now.measured.get("timezone", "UTC"))
    )


def has_new_order(before: Standing, after: Standing, elapsed: int) -> bool:
    """Whether there are more orders than before, or a later one than time allows.

    Time makes the last order older and lets orders leave the window; it never brings one in.
    """
    younger = after.frequency > 0 and after.recency_days < before.recency_days + elapsed
    return after.frequency > before.frequency or younger


def was_corrected(before: Standing, after: Standing, elapsed: int, window_days: int) -> bool:
    """Whether neither time nor a new order can have made these figures out of those.

    The last order of before is gone although the window still reaches back to it, or the same
    number of orders is worth something else: an order was refunded, moved, removed or changed,
    or an exchange rate was.
    """
    if not before.frequency:
        return False
    if after.frequency == before.frequency:
        return after.monetary != before.monetary or _is_older(before, after, elapsed)
    in_window = before.recency_days + elapsed < window_days
    return in_window and (not after.frequency or _is_older(before, after, elapsed))


def _is_older(before: Standing, after: Standing, elapsed: int) -> bool:
    """Whether the last order is another, older one; a day may go to rounding."""
    return after.recency_days > before.recency_days + elapsed + 1


def _score_changes(
    before: Figures, after: Figures, edges: Edges, own: Cause
) -> tuple[ScoreChange, ...]:
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


def segment_of(model: StoredModel, figures: Standing, earlier: str = "") -> str:
    """The segment that a stored model gives to these figures; without an order by rule.

    `earlier` is the segment that the customer comes from, and leaves only past the margin.
    """
    if not figures.frequency and model.get("rule", "classic") != "classic":
        return figures.segment_name
    squares = squares_of(model, figures)
    is_held = stays_in(model, squares, earlier)
    segment = earlier if is_held else model["names"][squares.index(min(squares))]
    fresh_days = model.get("fresh_days", 0)
    return segment_with_firsts(fresh_days, figures.recency_days, figures.frequency, segment)


def squares_of(model: Centroids, figures: Standing) -> list[float]:
    """Squared distances to the centroids."""
    point = standardise(model, figures)
    return [
        sum((a - b) ** 2 for a, b in zip(point, centroid, strict=True))
        for centroid in model["centroids"]
    ]


def standardise(model: Centroids, figures: Standing) -> list[float]:
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
