"""Forecasts for shops whose truth is known."""

import pytest

from scoring.value import Trust, fit_value, judge, outlook
from tests.unit.scoring.value.simulation import PROCESSES, Process, simulate

SEEDS = range(1, 31)
USABLE = "so the amounts can be used."


def judged(process: Process, seed: int) -> Trust:
    shop = simulate(process, seed)
    expected = outlook(fit_value(shop.before), shop.before, 90)
    return judge(90, expected, shop.actual, shop.plain)


def better_than_scores(trust: Trust) -> bool:
    ginis = {one.name: one.gini for one in trust.rankings}
    return ginis["value"] >= ginis["scores"]


def is_calibrated(trust: Trust) -> bool:
    return trust.error is not None and abs(trust.error) <= 0.1 and trust.rises


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES)
def test_thirty_shops(process: Process) -> None:
    shops = [judged(process, seed) for seed in SEEDS]
    assert sum(better_than_scores(trust) for trust in shops) >= 25
    usable = sum(trust.sentences[1].endswith(USABLE) for trust in shops)
    if process == "regular":
        assert usable <= 5
    else:
        assert all(is_calibrated(trust) for trust in shops)
        assert usable >= 25
