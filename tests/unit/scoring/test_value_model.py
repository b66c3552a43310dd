"""Which value model is in force: refitted at most once a day, and only for a reason."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rfm_common.models import ScoringRun
from scoring.runs.value_model import Chosen, Kept, choose, measured
from scoring.value import Purchases, fit_value
from tests.unit.scoring.value.shops import past, regulars

BERLIN = {"timezone": "Europe/Berlin", "counted_statuses": ["completed"]}


def run(moment: str, currency: str = "EUR", known: dict[str, Any] = BERLIN) -> ScoringRun:
    at = datetime.fromisoformat(moment).astimezone(UTC)
    return ScoringRun(calc_date=at, base_currency=currency, summary={"measured": known})


def told(chosen: Chosen, by: ScoringRun) -> ScoringRun:
    """The run with what it used."""
    by.forecast = {
        "model": chosen.model.data(), "version": 1, "as_of": str(by.calc_date),
        "measured": measured(by),
    }  # fmt: skip
    return by


def first(shop: Purchases, by: ScoringRun) -> ScoringRun:
    return told(choose(None, measured(by), shop), by)


def chosen(last: ScoringRun, now: ScoringRun, shop: Purchases) -> Chosen:
    return choose(Kept.of(last, now), measured(now), shop)


def dearer(shop: Purchases) -> Purchases:
    """The same orders at half as much again."""
    return replace(shop, spend_mean=shop.spend_mean * 1.5)


DAY = "2026-06-30T23:59:59+02:00"
NEXT = "2026-07-01T23:59:59+02:00"


@pytest.mark.parametrize("moment", ["2026-06-30T00:00:01+02:00", "2026-06-30T12:00+02:00", DAY])
def test_a_run_of_the_same_day_keeps_the_model_whatever_came(moment: str) -> None:
    """Midnight in Berlin is another day in UTC."""
    shop = regulars(400)
    last = first(shop, run(moment))
    kept = chosen(last, run(DAY), dearer(shop))
    assert not kept.is_new
    assert kept.model == fit_value(shop)


def test_a_model_that_was_kept_today_is_not_fitted_again_today() -> None:
    shop = regulars(400)
    yesterday = first(shop, run(DAY))
    today = told(chosen(yesterday, run(NEXT), shop), run(NEXT))
    today.forecast["as_of"] = str(yesterday.calc_date)
    again = chosen(today, run(NEXT), dearer(shop))
    assert not again.is_new
    assert again.reason == "A model is fitted at most once a day."


def test_another_day_needs_a_reason() -> None:
    shop = regulars(400)
    last = first(shop, run(DAY))
    same, other = (chosen(last, run(NEXT), one) for one in (shop, dearer(shop)))
    assert (same.is_new, same.model) == (False, fit_value(shop))
    assert "the model stays" in same.reason
    assert other.is_new
    assert "than the model of 2026-06-30" in other.reason


@pytest.mark.parametrize(
    "now",
    [
        run(DAY, currency="USD"),
        run(DAY, known=BERLIN | {"timezone": "Asia/Tokyo"}),
        run(DAY, known=BERLIN | {"counted_statuses": ["paid"]}),
    ],
)
def test_another_definition_is_a_reason_on_the_same_day(now: ScoringRun) -> None:
    shop = regulars(400)
    other = chosen(first(shop, run(DAY)), now, shop)
    assert other.is_new
    assert other.reason == "Currency, time zone or counted statuses changed."


@pytest.mark.parametrize("before", [regulars(0), past([0] * 300, 0, 200), regulars(30)])
def test_habits_of_elsewhere_give_way_as_soon_as_a_shop_has_its_own(before: Purchases) -> None:
    last = first(before, run(DAY))
    assert last.forecast["model"]["kind"] == "rates"
    assert not chosen(last, run(DAY), before).is_new
    own = chosen(last, run(DAY), regulars(800))
    assert own.is_new
    assert own.model.kind == "mbgnbd"
