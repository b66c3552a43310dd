"""Near a border a customer stays: one by one, in arrays, and day after day."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from rfm_common.borders import MARGIN, allowances, find_near, is_same_model, stays_in
from rfm_common.explain import SCORES, Standing, segment_of, squares_of
from scoring.model import NOWHERE, Model, Points, Recipe, Space, fit, hold
from scoring.model.names import BEST_FIRST
from scoring.snapshot import frames
from tests.unit.scoring.people import any_shop, steady

ONE_DAY = Space("none", (0.0, 0.0, 0.0), (1.0, 1e9, 1e9))
NAMES = ("New Customers", "At Risk", "Hibernating")


def by_days(*centres: float, names: tuple[str, ...] = NAMES, margin: float = 5.0) -> Model:
    """Clusters by recency alone, a day a standard deviation."""
    return Model(space=ONE_DAY, names=names, margin=margin,
                 centroids=np.array([[centre, 0, 0] for centre in centres]))  # fmt: skip


def standing(recency: int, segment: str = "New Customers") -> Standing:
    return Standing(recency_days=recency, frequency=2, monetary=Decimal(50), segment_name=segment)


MODEL = by_days(20, 40, 60).data()  # borders at 30 and 50


@pytest.mark.parametrize(
    ("recency", "earlier", "segment"),
    [
        (34, "New Customers", "New Customers"),
        (35, "New Customers", "New Customers"),  # by the margin, not by more
        (36, "New Customers", "At Risk"),
        (26, "At Risk", "At Risk"),
        (24, "At Risk", "New Customers"),
        (56, "At Risk", "Hibernating"),
        (52, "New Customers", "Hibernating"),  # past two borders
        (34, "Lost", "At Risk"),
        (34, "", "At Risk"),
    ],
)
def test_only_a_move_past_the_border_by_the_margin_counts(recency, earlier, segment) -> None:
    assert segment_of(MODEL, standing(recency), earlier) == segment


def test_without_a_margin_the_nearest_centre_decides() -> None:
    model = by_days(20, 40, 60, margin=0).data()
    assert segment_of(model, standing(30), "At Risk") == "New Customers"  # the first of equals
    assert segment_of(model, standing(31), "New Customers") == "At Risk"
    assert find_near(model, squares_of(model, standing(31)), "At Risk") is None


def test_clusters_of_one_name_have_no_border() -> None:
    names = ("At Risk", "At Risk", "Hibernating")
    model = by_days(20, 40, 60, names=names).data()
    assert allowances(model)[0][:2] == [0, 0]
    assert hold(Model.stored(model), np.array([[31.0, 0, 0]]), np.array([0])) == [1]
    near = find_near(model, squares_of(model, standing(31)), "At Risk")
    assert near is None


@pytest.mark.parametrize(
    ("recency", "segment", "near"),
    [
        (28, "New Customers", ("At Risk", 2)),
        (25, "New Customers", ("At Risk", 5)),
        (24, "New Customers", None),
        (33, "New Customers", ("At Risk", -3)),  # held
        (33, "At Risk", ("New Customers", 3)),
        (47, "At Risk", ("Hibernating", 3)),
        (47, "Lost", None),
    ],
)
def test_who_is_near_a_border_and_how_near(recency, segment, near) -> None:
    found = find_near(MODEL, squares_of(MODEL, standing(recency)), segment)
    assert (near is None) is (found is None)
    if found:
        assert (found.segment, found.distance) == pytest.approx(near)


def test_centres_in_one_place_have_no_border() -> None:
    model = by_days(20, 20, 60).data()
    assert find_near(model, squares_of(model, standing(21)), "New Customers") is None


def test_the_same_places_and_names_are_the_same_model() -> None:
    assert is_same_model(MODEL, {**MODEL, "margin": 0.0, "seed": 9, "reason": "other"})
    for other in (by_days(20, 40, 61), by_days(20, 40, 60, names=("a", "b", "c"))):
        assert not is_same_model(MODEL, other.data())
    assert not is_same_model(MODEL, {**MODEL, "rule": "classic"})


@pytest.mark.parametrize("seed", range(12))
def test_arrays_and_single_customers_agree(seed: int) -> None:
    """Any shop, everybody from a segment at random, a margin that matters."""
    features = any_shop(seed)[:200]
    model = replace(fit(features, 4 + seed % 4, Recipe(seed, "log1p")), margin=0.3, fresh_days=0)
    rng = np.random.default_rng(seed)
    earlier = model.places()[rng.integers(0, model.k, len(features))]
    stays = hold(model, model.space.points(features), earlier)
    stored = model.data()
    for row, place, number in zip(features.tolist(), earlier, stays, strict=True):
        one = Standing(recency_days=int(row[0]), frequency=int(row[1]),
                       monetary=Decimal(str(row[2])), segment_name="")  # fmt: skip
        name = model.names[place]
        assert stays_in(stored, squares_of(stored, one), name) == bool(number != NOWHERE)
        if number != NOWHERE:
            assert segment_of(stored, one, name) == model.names[number] == name


def shop_frame(features: Points) -> pl.DataFrame:
    ids = pl.Series("customer_id", [f"C{number:05}" for number in range(len(features))])
    figures = {name: pl.Series(features[:, place]) for place, name in enumerate(SCORES)}
    return pl.DataFrame({"customer_id": ids, **figures})


def test_whoever_is_held_keeps_the_distance_to_the_own_centre() -> None:
    """The nearest other centre is nearer then."""
    model = by_days(20, 40, 60)
    frame = shop_frame(np.array([[33.0, 2, 50], [33, 2, 50], [10, 2, 50], [33, 2, 50]]))
    before = pl.DataFrame({
        "customer_id": ["C00002", "C00000", "C00001"],
        "segment_name": ["Hibernating", "New Customers", "At Risk"],
    })  # fmt: skip
    found = frames.held(frame, model, model.assign(frames.numbers(frame)), before)
    assert found.labels.tolist() == [0, 1, 0, 1]
    assert found.distance.tolist() == pytest.approx([13, 7, 10, 7])
    assert found.next_distance.tolist() == pytest.approx([7, 13, 30, 13])


def test_a_model_has_the_margin_and_classic_has_none() -> None:
    features = any_shop(4)
    assert fit(features, 5, Recipe(0, "log1p")).margin == MARGIN
    assert fit(features, 5, Recipe(0, "log1p", "classic")).margin == 0


def days_of(seed: int) -> list[Points]:
    """A shop of 600 over ten days; whoever has no order is in it, too."""
    shop = steady(seed, 600)
    return [shop.features(today) for today in range(700, 710)]


@pytest.mark.parametrize("seed", range(6))
def test_from_day_to_day_only_a_move_past_the_margin_changes_a_segment(seed: int) -> None:
    """What each day's segments follow from is the segments of the day before, and nothing else."""
    days = days_of(seed)
    model = fit(days[0][days[0][:, 1] > 0], 5, Recipe(seed, "log1p"))
    wide = replace(model, margin=1e6)
    moves = {one.margin: moved(one, days) for one in (replace(model, margin=0), model, wide)}
    assert moves[0] >= moves[MARGIN] >= moves[1e6] == 0


def moved(model: Model, days: list[Points]) -> int:
    """Moves between clusters' segments of all who were in one the day before."""
    before, count = pl.DataFrame(schema={"customer_id": pl.String, "segment_name": pl.String}), 0
    for features in days:
        frame = shop_frame(features).filter(pl.col("frequency") > 0)
        found = model.assign(frames.numbers(frame))
        if model.margin:
            found = frames.held(frame, model, found, before)
        names = pl.Series([model.names[label] for label in found.labels])
        now = frame.select("customer_id").with_columns(segment_name=names)
        both = now.join(before, on="customer_id")
        count += both.filter(pl.col("segment_name") != pl.col("segment_name_right")).height
        before = now
    return count


def test_whoever_only_ages_leaves_in_time_and_for_no_better_name() -> None:
    """Within the days that the margin is worth, on any shop; At Risk is no better than in need."""
    for number in range(0, 40, 5):
        features = any_shop(number)
        model = fit(features, 5, Recipe(0, "log1p"))
        level = [name.replace("At Risk", "Need Attention") for name in model.names]
        place = np.array([BEST_FIRST.index(name) for name in level])
        ids = shop_frame(features)
        older, labels = features.copy(), model.assign(features).labels
        rises = np.zeros(len(features), bool)
        for _ in range(30):
            older[:, 0] += 6
            frame = ids.with_columns(recency_days=pl.Series(older[:, 0]))
            nearest = model.assign(older)
            names = pl.Series([model.names[label] for label in labels])
            found = frames.held(frame, model, nearest, ids.with_columns(segment_name=names))
            rises |= place[found.labels] < place[labels]
            labels = found.labels
            assert past_by(model, older, labels).max() <= MARGIN + 1e-9
        assert rises.mean() <= 0.02, f"shop {number}"


def past_by(model: Model, features: Points, labels: np.ndarray) -> np.ndarray:
    """How far each customer is past the farthest-crossed border of its segment's cluster."""
    squares = np.square(model.space.points(features)[:, None] - model.centroids).sum(axis=2)
    gaps = np.linalg.norm(model.centroids[:, None] - model.centroids, axis=2)[labels]
    own = squares[np.arange(len(labels)), labels][:, None]
    depths = np.divide(own - squares, 2 * gaps, out=np.zeros_like(squares), where=gaps > 0)
    return np.asarray(depths.max(axis=1))
