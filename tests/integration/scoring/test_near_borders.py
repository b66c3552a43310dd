"""Whoever is near a border stays where the snapshot before had them, and a run stays repeatable."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import polars as pl
import pytest

from rfm_common.models import ScoringRun
from rfm_common.runs import RunRequest
from scoring.engines import open_engine
from scoring.model import Model
from scoring.runs import compute
from scoring.snapshot import frames, reading
from tests.integration.scoring.shop import ShopOrder, caught_up, load, run_of, score, snapshot
from tests.integration.scoring.test_trust import (
    NOW,
    TODAY,
    WEEK_LATER,
    Rows,
    by_nearest,
    features,
    labels,
    orders_of,
)
from tests.unit.scoring.people import steady

WIDE = 0.6
"""A margin that holds many in a small shop."""


@pytest.fixture(autouse=True)
def _wide(monkeypatch) -> None:
    monkeypatch.setattr(import_module("scoring.model.fit"), "MARGIN", WIDE)


def frame_of(rows: Rows) -> pl.DataFrame:
    chosen = [rows[one] for one in sorted(rows)]
    schema = {"customer_id": pl.String, "recency_days": pl.Int32, "frequency": pl.Int32,
              "monetary": frames.MONEY, "segment_name": pl.String}  # fmt: skip
    return pl.DataFrame([{name: row[name] for name in schema} for row in chosen], schema=schema)


def expected(run: ScoringRun, rows: Rows, before: Rows) -> list[int]:
    """Clusters of buyers, from the model of the run's row and the snapshot before."""
    model = Model.stored(run.model)
    buyers = frames.clustered(frame_of(rows), "promises")
    found = frames.held(buyers, model, model.assign(features(rows)), frame_of(before))
    return found.labels.tolist()


async def test_segments_follow_from_the_figures_and_the_snapshot_before(
    settings, sessions, redis, monkeypatch
) -> None:
    """The same again, in another worker, in a preview, and after more files of the day."""
    orders = orders_of(steady(3, customers=500), today=792)
    await load(sessions, orders)
    first = await score(settings, sessions, redis, NOW)
    assert "held" not in first.metrics  # there is no snapshot before
    before = await snapshot(sessions, first.calc_date)
    worker = open_engine(settings, sessions)
    run = await score(settings, sessions, redis, WEEK_LATER, worker)
    rows = await snapshot(sessions, run.calc_date)
    assert not run.model["model_changed"]
    assert run.metrics["held"]["run_id"] == first.run_id
    assert run.metrics["held"]["customers"] > 3
    assert labels(rows) == expected(run, rows, before)
    assert labels(rows) != Model.stored(run.model).assign(features(rows)).labels.tolist()
    assert run.metrics["moved"]["by_cause"]["model"] == 0

    preview = await score(settings, sessions, redis, replace(WEEK_LATER, preview=True))
    assert preview.metrics["held"] == run.metrics["held"]
    assert preview.metrics["clusters"] == run.metrics["clusters"]
    again = await score(settings, sessions, redis, WEEK_LATER)
    assert (await snapshot(sessions, again.calc_date), again.metrics) == (rows, run.metrics)

    bought = [ShopOrder(f"N{one}", one, TODAY + timedelta(days=6), Decimal(40))
              for one in sorted(rows)[::40]]  # fmt: skip
    await load(sessions, bought)
    await caught_up(sessions)
    await score(settings, sessions, redis, WEEK_LATER, worker)
    await load(sessions, [replace(one, order_id=f"L{one.order_id}") for one in bought[::2]])
    await caught_up(sessions)
    monkeypatch.setattr(reading, "snapshot_query", None)  # its worker knows the one before
    quick = await score(settings, sessions, redis, WEEK_LATER, worker)
    quickly = await snapshot(sessions, quick.calc_date)
    assert quick.metrics["held"]["run_id"] == first.run_id
    assert labels(quickly) == expected(quick, quickly, before)  # not from the run of before noon


@pytest.mark.parametrize(
    "otherwise", [{"window_days": 300}, {"k": 4}, {"transform": "yeo-johnson"}]
)
async def test_nobody_is_held_from_a_snapshot_of_another_kind(
    settings, sessions, redis, otherwise
) -> None:
    await load(sessions, orders_of(steady(4, customers=300), today=792))
    await score(settings, sessions, redis, NOW)
    run = await score(settings, sessions, redis, replace(WEEK_LATER, **otherwise))
    rows = await snapshot(sessions, run.calc_date)
    assert "held" not in run.metrics
    assert labels(rows) == by_nearest(Model.stored(run.model), features(rows))


async def test_classic_holds_nobody(settings, sessions, redis) -> None:
    classic = settings.model_copy(update={"segments": "classic"})
    await load(sessions, orders_of(steady(5, customers=300), today=792))
    for request in (NOW, WEEK_LATER):
        run = await score(classic, sessions, redis, request)
        assert "held" not in run.metrics
        assert run.model["margin"] == 0


async def test_the_past_is_held_in_the_order_of_its_dates(settings, sessions, redis) -> None:
    """With the model of another run, from the snapshot before each date."""
    await load(sessions, orders_of(steady(6, customers=300), today=792))
    newest = await score(settings, sessions, redis, WEEK_LATER)
    known = None
    for days in (0, 3):
        past = RunRequest(calc_date=TODAY + timedelta(days=days), model_run_id=newest.run_id)
        run = await score(settings, sessions, redis, past)
        rows = await snapshot(sessions, run.calc_date)
        if known:
            assert run.metrics["held"]["run_id"] == run.previous_run_id
            assert labels(rows) == expected(run, rows, known)
        known = rows
    shown = await run_of(sessions, newest.run_id)
    assert "held" not in shown.metrics  # it is not scored again for its new neighbour


async def test_a_name_that_would_become_untrue_is_worth_more(
    settings, sessions, redis, monkeypatch
) -> None:
    """Nobody is held then; nothing else about the run differs."""
    await load(sessions, orders_of(steady(3, customers=500), today=792))
    await score(settings, sessions, redis, NOW)
    true_of_held = compute.untrue_names
    told = [["a name does not hold"]]

    def untrue(*given) -> list[str]:
        return told.pop() if told else true_of_held(*given)

    monkeypatch.setattr(compute, "untrue_names", untrue)
    run = await score(settings, sessions, redis, WEEK_LATER)
    rows = await snapshot(sessions, run.calc_date)
    assert run.metrics["held"]["customers"] == 0
    assert run.metrics["untrue"] == []
    assert labels(rows) == by_nearest(Model.stored(run.model), features(rows))
    held = await score(settings, sessions, redis, WEEK_LATER)
    assert held.metrics["held"]["customers"] > 0
