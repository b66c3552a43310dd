"""A run can be repeated, does not depend on accidents, and moves nobody without a reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from rfm_common.db import Sessions, raw_connection, run_sql
from rfm_common.explain import Figures, explain
from rfm_common.models import Cause, ScoringRun
from rfm_common.runs import RunRequest
from scoring.model import Model, Points, Recipe, fit, nearest
from scoring.runs import compute
from scoring.runs.plan import definition_of
from scoring.snapshot.records import FLOWING
from tests.integration.scoring.shop import ShopOrder, at, load, score, snapshot
from tests.unit.scoring.people import History, history, steady

TODAY = at("2026-03-01")
NOW, WEEK_LATER = (RunRequest(calc_date=TODAY + timedelta(days=days)) for days in (0, 7))
Rows = dict[str, dict[str, Any]]


def orders_of(people: History, today: int = 392) -> list[ShopOrder]:
    """That day of the history is TODAY; the last week is still to come."""
    lines = zip(people.customer.tolist(), people.day.tolist(), people.amount.tolist(), strict=True)
    return [
        ShopOrder(f"O{number}", f"C{customer:05}", TODAY + timedelta(days=day - today),
                  Decimal(str(amount)))
        for number, (customer, day, amount) in enumerate(lines)
    ]  # fmt: skip


async def copy_in(sessions: Sessions, orders: Sequence[ShopOrder]) -> None:
    """Make the database hold these orders and nothing else, quickly."""
    customers = sorted({one.customer_id for one in orders})
    async with sessions() as session, session.begin():
        await run_sql(session, "TRUNCATE orders, customers, imports CASCADE")
        raw = await raw_connection(session)
        await raw.copy_records_to_table(
            "customers", columns=["customer_id"], records=[(one,) for one in customers]
        )
        await raw.copy_records_to_table(
            "orders", columns=["order_id", "customer_id", "order_date", "order_amount", "currency",
                               "status"],
            records=[(one.order_id, one.customer_id, one.order_date, one.amount, "", "completed")
                     for one in orders],
        )  # fmt: skip


def features(rows: Rows) -> Points:
    """R, F, M of the buyers in the order in which a run sees them: by id."""
    figures = ("recency_days", "frequency", "monetary")
    buyers = sorted(one for one in rows if rows[one]["frequency"])
    return np.array([[float(rows[one][name]) for name in figures] for one in buyers])


def labels(rows: Rows) -> list[int]:
    return [rows[one]["cluster_id"] for one in sorted(rows) if rows[one]["frequency"]]


def by_nearest(model: Model, figures: Points) -> list[int]:
    """Where the model puts these buyers whom nothing holds."""
    return model.with_firsts(figures, model.assign(figures).labels).tolist()


def again(run: ScoringRun, rows: Rows) -> Model:
    """The fit of a run, repeated from what its row says and nothing else.

    Why a run began from nothing is in its reason alone.
    """
    stored = Model.stored(run.model)
    recipe = Recipe(stored.seed, stored.space.transform)
    fitted = fit(features(rows), stored.k, recipe, stored.start)
    return fitted if stored.start else replace(fitted, reason=stored.reason)


@pytest.mark.parametrize("k", [4, "auto"])
@pytest.mark.slow
async def test_a_row_repeats_its_run_even_when_the_start_is_gone(
    settings, sessions, redis, k
) -> None:
    """A cold start and a warm one: same transform, centroids, and cluster of every customer."""
    await load(sessions, orders_of(history(3, customers=400)))
    for request in (replace(NOW, k=k), replace(WEEK_LATER, k=k)):
        run = await score(settings, sessions, redis, request)
        rows = await snapshot(sessions, run.calc_date)
        repeated = again(run, rows)
        assert repeated.data() == run.model
        if "held" not in run.metrics:  # then the snapshot before decides, too: test_near_borders
            assert by_nearest(repeated, features(rows)) == labels(rows)
    if k == 4:  # auto may choose another k, and begin afresh
        assert run.model["start"]["run_id"] == run.previous_run_id
    assert run.parameters.keys() >= {"calc_date", "window_days", "k", "transform", "rule", "seed"}
    assert run.model["versions"].keys() >= {"python", "numpy", "scikit-learn", "scipy", "polars"}
    assert run.summary["measured"] == {
        "counted_statuses": [], "timezone": "UTC", "as_of": False,
    }  # fmt: skip
    assert run.data_version == 1

    await score(settings, sessions, redis, replace(NOW, k=3))  # the start is another model now
    assert again(run, rows).data() == run.model


@pytest.mark.parametrize("transform", ["log1p", "yeo-johnson"])
@pytest.mark.slow
async def test_order_of_files_does_not_matter_either_after_an_earlier_snapshot(
    settings, sessions, redis, transform
) -> None:
    """Two files of a week, scored after each, one way round and the other."""
    orders = orders_of(history(4, customers=300))
    past = [one for one in orders if one.order_date <= TODAY]
    files = [one for one in orders if one.order_date > TODAY][::2], [
        one for one in orders if one.order_date > TODAY][1::2]  # fmt: skip
    found = []
    for first, second in (files, files[::-1]):
        async with sessions() as session, session.begin():
            await run_sql(session, "TRUNCATE orders, customers, imports CASCADE")
        await load(sessions, past)
        await score(settings, sessions, redis, replace(NOW, transform=transform))
        for file in (first, second[::-1]):
            await load(sessions, file)
            run = await score(settings, sessions, redis, replace(WEEK_LATER, transform=transform))
        start = run.model.pop("start")
        del start["run_id"], run.metrics["held"]["run_id"]
        found.append((run.model, start, run.metrics, await snapshot(sessions, run.calc_date)))
    assert found[0] == found[1]


@pytest.mark.slow
async def test_beyond_the_limit_a_sample_by_checksum_is_as_good(
    settings, sessions, redis, monkeypatch
) -> None:
    """The same customers whatever the order of rows; within 0.5 % of a fit on everyone."""
    orders = orders_of(history(5, customers=12_000))
    await copy_in(sessions, orders)
    full = await score(settings, sessions, redis, NOW)
    everyone = features(await snapshot(sessions, full.calc_date))
    monkeypatch.setattr(compute, "FIT_LIMIT", 4_000)
    sampled = await score(settings, sessions, redis, NOW)
    await copy_in(sessions, orders[::-1])
    turned = await score(settings, sessions, redis, NOW)

    assert (full.model["fitted_on"], sampled.model["fitted_on"]) == (len(everyone), 4_000)
    assert turned.model == sampled.model
    assert turned.metrics["inertia"] == sampled.metrics["inertia"]
    space, model = Model.stored(full.model).space, Model.stored(sampled.model)
    carried = model.space.carry(model.centroids, space)
    assert nearest(space.points(everyone), carried).inertia < 1.005 * full.metrics["inertia"]
    everyones = nearest(model.space.points(everyone), model.centroids).inertia
    assert sampled.metrics["inertia"] == pytest.approx(everyones)


@pytest.mark.slow
async def test_a_week_later_quiet_customers_move_by_ageing_and_hardly_by_the_model(
    settings, sessions, redis
) -> None:
    """Twenty shops, each scored twice by the pipeline: the model moves nobody without a reason."""
    changed = 0
    for seed in range(20):
        shop = settings.model_copy(update={"seed": seed})
        orders = orders_of(steady(seed, customers=1_000), today=792)
        await copy_in(sessions, orders)
        async with sessions() as session, session.begin():  # a shop of its own, with no past
            await run_sql(session, "TRUNCATE scoring_runs CASCADE")
            await run_sql(session, _NO_SNAPSHOTS)
        before, after = [await score(shop, sessions, redis, one) for one in (NOW, WEEK_LATER)]
        moved = await quiet_movers(sessions, before, after, orders)
        quiet = after.metrics["moved"]["quiet"]
        assert moved["ageing"] > 0
        if after.model["model_changed"]:
            changed += 1
            assert "less inertia" in after.model["reason"] or "customers" in after.model["reason"]
        else:
            assert moved["model"] == quiet["model"] == 0
    assert changed <= 2


async def test_each_customers_reason_adds_up_to_the_flows_and_edges_move_only_scores(
    settings, sessions, redis
) -> None:
    """Six hours later a third of the shop has bought: others get other scores, not segments."""
    orders = orders_of(steady(21, customers=300), today=800)
    await load(sessions, orders)
    then = await score(settings, sessions, redis, NOW)
    buyers = sorted({one.customer_id for one in orders})[::3]
    hour = TODAY + timedelta(hours=1)
    await load(sessions, [ShopOrder(f"N{one}", one, hour, Decimal(500)) for one in buyers])
    later = RunRequest(calc_date=TODAY + timedelta(hours=6))
    now = await score(settings, sessions, redis, later)
    before, after = [await snapshot(sessions, run.calc_date) for run in (then, now)]
    whys = [explain(figures(before[one]), figures(row), definition_of(then), definition_of(now))
            for one, row in after.items()]  # fmt: skip

    by_edges = [why for why in whys if why.cause is Cause.EDGES]
    assert by_edges
    for why in by_edges:
        assert why.before
        assert why.before.segment_name == why.after.segment_name
        assert {one.cause for one in why.scores} - {Cause.STAYED} == {Cause.EDGES}
    counts = Counter(why.cause for why in whys)
    moved = now.metrics["moved"]
    assert moved["by_cause"] == {cause.value: counts[cause] for cause in FLOWING}
    assert moved["quiet"]["customers"] == sum(not why.has_new_order for why in whys)
    assert moved["quiet"]["customers"] == len(after) - len(buyers)
    assert moved["quiet"]["model"] == sum(
        why.cause is Cause.MODEL and not why.has_new_order for why in whys
    )


def figures(row: dict[str, Any]) -> Figures:
    return Figures(**{one.name: row[one.name] for one in fields(Figures)})


_NO_SNAPSHOTS = """
DO $$ DECLARE one text; BEGIN
    FOR one IN SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent IN ('rfm_features'::regclass, 'customer_clusters'::regclass)
    LOOP EXECUTE 'DROP TABLE ' || one; END LOOP;
END $$
"""


async def quiet_movers(
    sessions: Sessions, before: ScoringRun, after: ScoringRun, orders: Sequence[ShopOrder]
) -> dict[str, int]:
    """Customers without an order in between, and how many changed segment, counted by hand.

    Whoever is where the model of before puts the figures of now has aged; nobody else has a
    reason.
    """
    then, now = [await snapshot(sessions, run.calc_date) for run in (before, after)]
    bought = {one.customer_id for one in orders
              if before.calc_date < one.order_date <= after.calc_date}  # fmt: skip
    quiet = {one: row for one, row in now.items()
             if one not in bought and row["frequency"] and then[one]["frequency"]}  # fmt: skip
    old, who = Model.stored(before.model), sorted(quiet)
    was = np.array([then[one]["segment_name"] for one in who])
    aged = np.array(old.segments)[by_nearest(old, features(quiet))]
    moved = was != np.array([quiet[one]["segment_name"] for one in who])
    by_model = moved & (aged == was)
    return {"customers": len(quiet), "model": int(by_model.sum()),
            "ageing": int((moved & ~by_model).sum())}  # fmt: skip
