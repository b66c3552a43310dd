"""A model that a person chose, proposals beside it, and what refusing one means."""

import numpy as np
import pytest

from scoring.model import Model, Points, Recipe, Start, fit, fit_auto, keep, shift
from tests.unit.scoring.people import skewed

RECIPE = Recipe(0, "log1p")


def start(model: Model) -> Start:
    return Start.stored(model.data(), run_id=1)


def richer(features: Points, factor: float = 40) -> Points:
    """The same customers after a third of them spent much more, ever more often."""
    changed = features.copy()
    changed[::3, 1] *= 3
    changed[::3, 2] *= factor
    return changed


@pytest.mark.parametrize("seed", range(4))
def test_a_chosen_model_stays_bit_by_bit_and_tells_what_a_fit_would_do(seed: int) -> None:
    before = skewed(seed, 600)
    model = fit(before, 5, RECIPE)
    other = fit(richer(before), 5, RECIPE, start(model))
    kept = keep(richer(before), start(model), 0, {})
    assert other.model_changed
    assert (kept.offer, kept.cause, kept.gain) == (other.reason, other.cause, other.gain)
    assert kept.frozen
    assert not kept.model_changed
    assert list(kept.names) == list(model.names)
    assert np.array_equal(kept.centroids, model.centroids)
    assert kept.space == model.space


def test_nothing_is_offered_while_nothing_speaks_for_it() -> None:
    features = skewed(1, 600)
    assert keep(features, start(fit(features, 5, RECIPE)), 0, {}).offer == ""


@pytest.mark.parametrize("features", [np.empty((0, 3)), np.ones((3, 3))])
def test_a_chosen_model_stays_without_customers_to_fit_on(features: Points) -> None:
    model = fit(skewed(1, 600), 5, RECIPE)
    kept = keep(features, start(model), 0, {})
    assert np.array_equal(kept.centroids, model.centroids)


@pytest.mark.parametrize(
    ("more", "is_offered"), [(-0.1, True), (-0.021, True), (-0.01, False), (0.0, False)]
)
def test_a_refused_cause_is_offered_again_only_if_it_weighs_clearly_more(
    more: float, is_offered: bool
) -> None:
    before = skewed(1, 600)
    first = start(fit(before, 5, RECIPE))
    other = fit(richer(before), 5, RECIPE, first)
    refused = {other.cause: other.gain + more}
    assert bool(keep(richer(before), first, 0, refused).offer) == is_offered
    assert keep(richer(before), first, 0, {"another cause": 1.0}).offer


def test_a_proposal_takes_a_new_fit_that_is_hardly_better() -> None:
    features = skewed(1, 600)
    model = fit(features, 5, RECIPE)
    later = features + np.array([1, 0, 0])
    assert not fit(later, 5, RECIPE, start(model)).model_changed
    proposed = fit(later, 5, RECIPE._replace(eager=True), start(model))
    assert proposed.model_changed
    assert proposed.reason == "fitted from the model before: 0.0% less inertia"


def test_a_proposal_is_for_small_shops_too() -> None:
    features = skewed(1, 40)
    model = fit(features, 5, RECIPE)
    assert "too few" in fit(richer(features), 5, RECIPE, start(model)).reason
    proposed = fit(richer(features), 5, RECIPE._replace(eager=True), start(model))
    assert proposed.reason.startswith("fitted ")


def test_a_start_that_does_not_fit_is_named() -> None:
    features = skewed(1, 600)
    before = start(fit(features, 4, RECIPE))
    assert fit(features, 5, RECIPE, before).reason == "fitted from scratch: k = 5 instead of 4"
    assert "transform = none instead of log1p" in fit(features, 4, Recipe(0, "none"), before).reason
    model, _ = fit_auto(features, RECIPE, before)
    assert model.k == 4 or f"k = {model.k} instead of 4" in model.reason


@pytest.mark.parametrize("seed", range(3))
def test_a_shift_counts_those_whose_segment_differs(seed: int) -> None:
    before = skewed(seed, 600)
    model = fit(before, 5, RECIPE)
    now = richer(before)
    other = fit(now, 5, RECIPE, start(model))
    found = shift(now, start(model), other)
    old, new = [
        [one.segments[label] for label in one.with_firsts(now, one.assign(now).labels)]
        for one in (model, other)
    ]
    assert (found.customers, found.moved) == (600, sum(map(str.__ne__, old, new)))
    counts = [move["customers"] for move in found.moves]
    assert counts == sorted(counts, reverse=True)
    assert shift(now, start(other), other).moves == []
