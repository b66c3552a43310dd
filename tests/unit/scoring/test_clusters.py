"""Clusters come out the same whatever the machine did before, and stay themselves."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from scoring.model import (
    Model,
    Points,
    Recipe,
    Space,
    Start,
    fit,
    fit_auto,
    measure,
    nearest,
    verdict,
)
from scoring.model.choice import Candidate, ranked
from scoring.model.fit import broken_names, cold_start, matched
from scoring.model.quality import jaccard, refusal
from tests.unit.scoring.people import history, skewed, steady

RECIPE = Recipe(0, "log1p")
TRANSFORMS = ("log1p", "yeo-johnson", "none")


def buyers(features: Points) -> Points:
    """Those with an order."""
    return features[features[:, 1] > 0]


def start(model: Model) -> Start:
    """Begin where the model is."""
    return Start.stored(model.data(), run_id=1)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_points_go_back_to_real_units(transform) -> None:
    features = np.vstack([skewed(1, 300), [[366, 0, 0], [3, 2, -250.5]]])  # a refunded customer
    space = Space.of(features, transform)
    assert np.allclose(space.features(space.points(features)), features, rtol=1e-6, atol=1e-6)


def test_log1p_leaves_recency_alone_and_keeps_the_sign_of_refunds() -> None:
    features = np.array([[10.0, 1, -100], [20, 3, 100], [30, 8, 0]])
    space = Space.of(features, "log1p")
    assert space.mean[0] == 20
    raw = space.points(features) * space.scale + space.mean
    assert raw[0, 2] == pytest.approx(-np.log1p(100))


def test_a_figure_that_never_varies_does_no_harm() -> None:
    features = np.column_stack([np.arange(50.0), np.ones(50), np.full(50, 9.9)])
    model = fit(features, 3, Recipe(1, "yeo-johnson"))
    assert np.isfinite(model.centroids).all()
    assert model.k == 3


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_same_data_gives_the_same_model(transform) -> None:
    features = skewed(3)
    first, second = (fit(features, 5, Recipe(42, transform)).data() for _ in range(2))
    assert first == second


def test_stored_and_read_back_it_assigns_alike() -> None:
    features = skewed(4)
    model = fit(features, 5, Recipe(42, "log1p"))
    again = Model.stored(model.data())
    assert (again.assign(features).labels == model.assign(features).labels).all()


def test_a_first_model_numbers_its_clusters_from_the_best() -> None:
    centroids = fit(skewed(5), 5, Recipe(42, "log1p")).centroids
    worth = centroids[:, 1] + centroids[:, 2] - centroids[:, 0]
    assert (np.diff(worth) <= 0).all()


def test_fewer_distinct_customers_than_clusters() -> None:
    features = np.array([[1.0, 1, 1], [2, 2, 2]] * 10)
    assert fit(features, 5, Recipe(1, "log1p")).k == 2


def test_the_sampled_start_is_as_good_as_ten_on_everyone() -> None:
    features = skewed(6, 25_000)
    points = Space.of(features, "log1p").points(features)
    full = KMeans(5, n_init=10, random_state=1).fit(points).inertia_
    assert cold_start(points, 5, 1).inertia <= full * 1.001


def test_matching_finds_each_cluster_where_it_was() -> None:
    previous = np.array([[0.0, 0, 0], [5, 5, 5], [-5, 2, 1]])
    moved = (previous + 0.3)[[2, 0, 1]]
    assert np.allclose(matched(moved, previous), previous + 0.3)


def test_a_clearly_better_cold_start_replaces_a_bad_model_and_says_so() -> None:
    features = skewed(7)
    good = fit(features, 5, Recipe(42, "log1p"))
    crowded = np.tile(good.centroids[0], (5, 1)) + np.arange(5)[:, None] * 1e-3
    replaced = fit(features, 5, Recipe(42, "log1p"), start(replace(good, centroids=crowded)))
    kept = fit(features, 5, Recipe(42, "log1p"), start(good))
    assert not kept.model_changed
    space = replaced.space
    inertia = nearest(space.points(features), replaced.centroids).inertia
    assert inertia <= nearest(space.points(features), good.centroids).inertia * 1.02


@pytest.mark.parametrize(
    ("asked", "window", "taken"),
    [
        ("log1p", 180, "log1p"),
        ("yeo-johnson", 365, "yeo-johnson"),
        ("none", 365, "log1p"),  # no k is fair: a transform steps in
    ],
)
def test_auto_refuses_giants_and_dwarfs(asked, window: int, taken) -> None:
    features = history(window, customers=800).features(today=400, window=window)
    features[:, 2] *= skewed(window, 800)[:, 1]  # a few spend a thousand times as much as most
    model, sweep = fit_auto(features, Recipe(42, asked))
    shares = np.bincount(model.assign(features).labels, minlength=model.k) / len(features)
    assert shares.max() <= 0.60
    assert shares.min() >= 0.02
    assert model.space.transform == taken
    assert [candidate.k for candidate in sweep] == list(range(4, 11))
    assert all(candidate.accepted == (candidate.refusal is None) for candidate in sweep)


def test_nothing_parts_customers_who_are_alike() -> None:
    """Seven in ten have no order: they have the same figures and are in one cluster, for any k."""
    rest = skewed(1, 120)
    features = np.vstack([rest, np.tile([366.0, 0, 0], (280, 1))])
    model, sweep = fit_auto(features, Recipe(42, "none"))
    assert model.space.transform == "none"
    assert all("one cluster holds" in str(candidate.refusal) for candidate in sweep)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_silhouette_on_plain_scores_would_have_been_a_giant(seed: int) -> None:
    """What a naive search returns on such shops."""
    points = StandardScaler().fit_transform(skewed(seed, 600))
    fitted = [KMeans(k, n_init=3, random_state=42).fit(points) for k in range(2, 8)]
    best = max(fitted, key=lambda one: silhouette_score(points, one.labels_))
    assert np.bincount(best.labels_).max() / len(points) > 0.60


def test_a_model_stays_bit_by_bit_without_a_reason() -> None:
    shop = steady(1, customers=1_000)
    then, features = fit(buyers(shop.features(792)), 5, RECIPE), buyers(shop.features(799))
    now = fit(features, 5, RECIPE, start(then))
    assert now.data()["centroids"] == then.data()["centroids"]
    assert (now.space, list(now.names)) == (then.space, list(then.names))
    assert (now.model_changed, now.reason) == (False, "nothing clearly better")


def test_an_untrue_name_is_a_reason() -> None:
    """The clusters stay where they were, and get names that hold."""
    features = buyers(steady(1, customers=1_000).features(792))
    good = fit(features, 5, RECIPE)
    wrong = replace(good, names=good.names[::-1])
    now = fit(features, 5, RECIPE, start(wrong))
    assert now.model_changed
    assert now.names == good.names
    assert "Hibernating" in now.reason or "Champions" in now.reason


def test_a_small_shop_is_left_alone() -> None:
    features = buyers(steady(1, customers=60).features(792))[:40]
    then = fit(features, 5, RECIPE)
    now = fit(features[:38] * [1, 3, 5], 5, RECIPE, start(then))
    assert now.centroids.tolist() == then.centroids.tolist()
    assert now.reason.startswith("too few customers for another model")
    assert broken_names(now, features[:38] * [1, 3, 5]) == []


def test_another_k_transform_or_rule_begins_afresh() -> None:
    features = buyers(steady(1, customers=300).features(792))
    then = start(fit(features, 5, RECIPE))
    assert fit(features, 4, RECIPE, then).start is None
    assert fit(features, 5, RECIPE._replace(transform="none"), then).start is None
    assert fit(features, 5, RECIPE._replace(rule="classic"), then).start is None


def test_nobody_to_cluster() -> None:
    model = fit(np.empty((0, 3)), 5, RECIPE)
    assert (model.k, model.segments) == (0, ("Lost", "Prospects", "New Customers"))
    quality = measure(np.empty((0, 3)), model.centroids, model.assign(np.empty((0, 3))), 1)
    assert "Nobody ordered" in verdict(quality, 0)


def candidate(k: int, silhouette: float, **changes) -> Candidate:
    fields = {"inertia": 1.0, "largest_share": 0.4, "smallest_share": 0.1, "stability": 0.9,
              "accepted": True, "refusal": None}  # fmt: skip
    return Candidate(k=k, silhouette=silhouette, **fields | changes)


def test_the_previous_k_stays_while_it_is_nearly_as_good() -> None:
    sweep = [candidate(4, 0.41), candidate(5, 0.40), candidate(6, 0.30)]
    assert ranked(sweep) == [4, 5, 6]
    assert ranked(sweep, previous_k=5) == [5, 4, 6]
    assert ranked(sweep, previous_k=6) == [4, 5, 6]


def test_refused_answers_come_last_and_giants_very_last() -> None:
    refused = {"accepted": False, "refusal": "no"}
    sweep = [candidate(2, 0.9, largest_share=0.99, **refused), candidate(3, 0.2),
             candidate(4, 0.5, smallest_share=0.001, **refused),
             candidate(5, 0.1, stability=0.5, **refused)]  # fmt: skip
    assert ranked(sweep) == [3, 5, 4, 2]


def test_jaccard_compares_with_the_best_counterpart() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1], dtype=np.int16)
    others = np.array([1, 1, 1, 0, 0, 0])
    assert jaccard(labels, others, 2).tolist() == [3 / 4, 2 / 3]


def test_groups_far_apart_are_stable_and_one_cloud_is_not() -> None:
    rng = np.random.default_rng(1)
    apart = np.vstack([rng.normal(centre, 0.1, (100, 3)) for centre in (0, 5, 10)])
    cloud = rng.normal(0, 1, (300, 3))
    far, one = (cold_start(points, 3, 1).centroids for points in (apart, cloud))
    good = measure(apart, far, nearest(apart, far), 1)
    poor = measure(cloud, one, nearest(cloud, one), 1)
    assert min(good.stabilities) > 0.95 > min(poor.stabilities)
    assert good.silhouette > 0.9 > poor.silhouette
    assert verdict(good, 300).startswith("Good")


def test_metrics_agree_with_scikit_learn() -> None:
    features = skewed(8)
    model = fit(features, 5, Recipe(42, "log1p"))
    points = model.space.points(features)
    assignment = nearest(points, model.centroids)
    quality = measure(points, model.centroids, assignment, 1)
    assert quality.calinski_harabasz == pytest.approx(
        calinski_harabasz_score(points, assignment.labels), rel=0.01
    )
    assert quality.davies_bouldin == pytest.approx(
        davies_bouldin_score(points, assignment.labels), rel=0.01
    )


@pytest.mark.parametrize(
    ("shares", "stabilities", "words"),
    [
        ((0.7, 0.3), (0.9, 0.9), "holds 70%"),
        ((0.59, 0.40, 0.01), (0.9, 0.9, 0.9), "only 1.0%"),
        ((0.5, 0.5), (0.5, 0.9), "is unstable (0.50)"),
    ],
)
def test_refusals_say_why(shares, stabilities, words: str) -> None:
    assert words in str(refusal(shares, stabilities))


def test_a_good_answer_is_not_refused() -> None:
    assert refusal((0.5, 0.5), (0.9, None)) is None
