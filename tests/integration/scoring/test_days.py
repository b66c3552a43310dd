"""The model within a day: the first run decides, and the later ones keep what it decided."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from rfm_common.db import run_sql
from rfm_common.models import ScoringRun
from rfm_common.runs import RunRequest
from rfm_common.snapshots import delete_snapshot
from tests.integration.scoring.shop import ShopOrder, at, caught_up, load, run_of, score
from tests.unit.scoring.people import steady

TODAY = at("2026-03-01")
YESTERDAY, DAY = (RunRequest(calc_date=TODAY - timedelta(days=days)) for days in (1, 0))
PLACES = ("transform", "mean", "scale", "lambdas", "centroids", "names", "reason", "fitted_on")


def orders_of(seed: int, customers: int) -> list[ShopOrder]:
    """A shop that sold until yesterday."""
    people = steady(seed, customers)
    lines = zip(people.customer.tolist(), people.day.tolist(), people.amount.tolist(), strict=True)
    return [
        ShopOrder(f"O{seed}-{number}", f"C{customer:05}",
                  TODAY - timedelta(days=801 - day), Decimal(str(amount)))
        for number, (customer, day, amount) in enumerate(lines)
    ]  # fmt: skip


def places(run: ScoringRun) -> dict[str, Any]:
    return {name: run.model.get(name) for name in PLACES}


@pytest.fixture
def scored(settings, sessions, redis):
    """Load files one after the other and score after each; the runs."""

    async def work(request: RunRequest, *files: Sequence[ShopOrder]) -> list[ScoringRun]:
        found = []
        for file in files:
            await load(sessions, file)
            await caught_up(sessions)
            found.append(await score(settings, sessions, redis, request))
        return found

    return work


async def test_later_runs_of_a_day_keep_the_model_of_its_first(scored) -> None:
    """Also where a fit would take its place: orders after which the next morning has another."""
    orders = orders_of(1, 300)
    recent = [one for one in orders if one.order_date > TODAY - timedelta(days=300)]
    spree = [replace(one, order_id=f"S{one.order_id}", amount=one.amount * 400)
             for one in recent[::3]]  # fmt: skip
    [before] = await scored(YESTERDAY, orders)
    first, second = await scored(DAY, [], spree)
    assert places(first) | {"reason": "", "fitted_on": 0} == places(before) | {
        "reason": "", "fitted_on": 0}  # fmt: skip
    assert (places(second), second.model["fitted_by"]) == (places(first), first.run_id)
    assert second.model_version == before.model_version
    [third] = await scored(DAY, [])
    assert third.model == second.model
    [morning] = await scored(replace(DAY, calc_date=TODAY + timedelta(days=1)), [])
    assert morning.model["model_changed"]
    assert morning.model["fitted_by"] is None


async def test_the_first_day_fits_with_every_run_so_that_files_may_come_in_any_order(
    settings, sessions, scored
) -> None:
    orders = orders_of(3, 240)
    found = []
    for files in ((orders[::2], orders[1::2]), (orders[1::2], orders[::2]), (orders,)):
        done = await scored(DAY, *files)
        found.append(done[-1].model)
        async with sessions() as session, session.begin():
            await run_sql(session, "TRUNCATE orders, customers, imports CASCADE")
            await delete_snapshot(session, done[-1].run_id, "local")
    assert found[0] == found[1] == found[2]
    assert found[0]["start"] is None


@pytest.mark.parametrize(("more", "is_kept"), [(20, True), (140, False)])
async def test_a_day_in_which_buyers_become_many_more_fits_again(scored, more, is_kept) -> None:
    """300 buyers when the day's model was decided, and then a file of old customers."""
    everybody = orders_of(4, 700)
    few, rest = [[one for one in everybody if (int(one.customer_id[1:]) < 300) is small]
                 for small in (True, False)]  # fmt: skip
    await scored(YESTERDAY, few)
    added = [one for one in rest if int(one.customer_id[1:]) < 300 + 2 * more]
    first, second = await scored(DAY, [], added)
    assert (second.model["fitted_by"] == first.run_id) is is_kept
    assert second.model["fitted_on"] >= first.model["fitted_on"]


async def test_neither_another_k_nor_another_definition_nor_a_deletion_goes_on_with_it(
    settings, sessions, redis, scored
) -> None:
    """Another k in between leaves the day's model alone."""
    await scored(YESTERDAY, orders_of(5, 200))
    [first] = await scored(DAY, [])
    await scored(replace(DAY, k=4), [])
    [again] = await scored(DAY, [])
    assert again.model["fitted_by"] == first.run_id
    [narrow] = await scored(replace(DAY, window_days=90), [])
    assert narrow.model["fitted_by"] is None
    other = settings.model_copy(update={"timezone": "America/New_York"})
    assert (await score(other, sessions, redis, DAY)).model["fitted_by"] is None
    [last] = await scored(DAY, [])
    async with sessions() as session, session.begin():
        await delete_snapshot(session, last.run_id, "local")
        await run_sql(session, "UPDATE scoring_runs SET summary = summary || '{\"deleted_by\": 1}'")
    [afresh] = await scored(DAY, [])
    assert afresh.model["fitted_by"] is None


async def test_a_choice_of_k_is_kept_with_what_was_tried(sessions, scored) -> None:
    await scored(replace(YESTERDAY, k="auto"), orders_of(6, 120))
    first, second = await scored(replace(DAY, k="auto"), [], orders_of(7, 3))
    assert second.sweep == (await run_of(sessions, first.run_id)).sweep != []
    assert second.model["fitted_by"] == first.run_id
