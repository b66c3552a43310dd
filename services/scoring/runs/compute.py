"""One run from its parameters to a snapshot in tables of its own. Publishes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.basis import basis_of, basis_of_run, changed
from rfm_common.borders import is_same_model
from rfm_common.db import Sessions
from rfm_common.explain import is_comparable
from rfm_common.lasting_store import effective
from rfm_common.models import ScoringRun
from rfm_common.settings import Settings
from scoring.engines import Engine, Placed
from scoring.model import (
    Assignment,
    Candidate,
    Model,
    Points,
    Quality,
    Recipe,
    Shift,
    Start,
    broken_names,
    fit,
    fit_auto,
    keep,
    measure,
    nearest,
    shift,
    stoppable,
    untrue_names,
)
from scoring.runs import report
from scoring.runs.plan import Plan, definition_of, read_plan
from scoring.runs.progress import Progress
from scoring.runs.publish import Outcome, Publication
from scoring.runs.queue import Claim, note_version
from scoring.runs.result import Fitted, RunResult
from scoring.snapshot.features import Edges, Spec, edge_positions, edges_at
from scoring.snapshot.quiet import of_value
from scoring.snapshot.quiet import read as read_quiet
from scoring.snapshot.reading import count_rows
from scoring.snapshot.records import Aggregates, Flows, Target, Totals

FIT_LIMIT = 1_000_000
"""Up to so many customers the model is fitted on all, beyond on a sample by checksum of id."""
ALIKE = 1.25
"""A day's model is fitted anew when customers are more than so many times as many, or as few."""
Write = Callable[[Target], Awaitable[int | None]]


class Solved(NamedTuple):
    """A model, the values of k that were tried, and where those belong whom it was fitted on."""

    model: Model
    sweep: list[Candidate]
    features: Points
    points: Points
    assignment: Assignment
    shift: Shift | None
    """What a proposal would change."""


class Shown(NamedTuple):
    """Everybody's segment, added up, and which names are untrue of the segments as they are."""

    placed: Placed
    aggregates: Aggregates
    untrue: list[str]


async def compute(
    settings: Settings,
    sessions: Sessions,
    engine: Engine,
    publication: Publication,
    progress: Progress,
) -> Outcome:
    """Run all steps but the swap; the result's tables are filled when this returns."""
    try:
        claimed = publication.claimed
        progress.enter("load")
        plan, totals, edges, quiet = await _read(settings, sessions, engine, claimed, progress)
        target = Target(claimed.run_id, claimed.fence, plan.spec.calc_date)
        progress.enter("scores")
        await engine.score(edges)
        async with asyncio.TaskGroup() as group:  # PostgreSQL writes while this process fits
            write = partial(_write, publication, target, plan.data_version)
            group.create_task(write("rfm_features", engine.write_features))
            recalled = group.create_task(_recall(engine, plan))
            progress.enter("clusters")
            solved = await _solve(engine, totals, plan, claimed.parameters)
            measured = group.create_task(_measured(solved))
            progress.enter("assign")
            await recalled
            placed = await _place(engine, plan, edges, solved)
            group.create_task(write("customer_clusters", engine.write_clusters))
            fitted = _fitted(solved, placed, await measured)
            found = RunResult(
                plan=plan, totals=totals, edges=edges, quiet=quiet, fitted=fitted,
                aggregates=placed.aggregates, flows=Flows(),
            )  # fmt: skip
            found = replace(found, flows=await _flows(engine, found))
            progress.enter("publish")
        outcome = _outcome(found, target, claimed)
        outcome.row["engine"] = engine.name
        return outcome
    finally:
        await engine.release()


async def _read(
    settings: Settings, sessions: Sessions, engine: Engine, claimed: Claim, progress: Progress
) -> tuple[Plan, Totals, Edges, pl.DataFrame]:
    """Plan, features, edges and who is going quiet, all from one version of the data."""
    async with sessions() as session, session.begin():
        await count_rows(session)
    async with sessions() as session, session.begin():
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        in_effect = await effective(session, settings)
        plan = await read_plan(session, in_effect, claimed.parameters)
        async with sessions() as other, other.begin():
            await note_version(other, claimed, plan.data_version)
        progress.enter("features")
        totals = await engine.features(session, plan.spec, plan.base)
        edges = await _edges(engine, totals.active_customers)
        quiet = await _quiet(engine, session, plan.wide, edges)
    return plan, totals, edges, quiet


async def _quiet(engine: Engine, session: AsyncSession, spec: Spec, edges: Edges) -> pl.DataFrame:
    """Customers of value who are going quiet; nobody is where nobody orders."""
    if not edges.get("recency_days"):
        return read_quiet()
    return of_value(await engine.going_quiet(session, spec, edges), edges)


async def _write(
    publication: Publication, target: Target, data_version: int, parent: str, write: Write
) -> None:
    """Fill a table; where it holds only what differs from another one, change that."""
    base = await write(target)
    if base is not None:
        await publication.amend(parent, target, base, data_version)


async def _recall(engine: Engine, plan: Plan) -> None:
    if before := _before(plan):
        await engine.recall(before)


def _before(plan: Plan) -> int | None:
    """The run of the snapshot before, if that has segments."""
    before = plan.previous
    return before.run_id if before and before.model.get("centroids") else None


def _is_held(plan: Plan, edges: Edges, model: Model) -> bool:
    """Whether only customers can have changed since the snapshot before, and borders are wide."""
    if not (plan.previous and _before(plan) and model.margin):
        return False
    then, now = definition_of(plan.previous), report.definition(plan, edges, model)
    return is_comparable(then, now) and is_same_model(then.model, now.model)


async def _edges(engine: Engine, active: int) -> Edges:
    values = await engine.active_values(edge_positions(active))
    return {name: edges_at(values[name], active) for name in values}


async def _solve(
    engine: Engine, totals: Totals, plan: Plan, parameters: dict[str, Any]
) -> Solved | None:
    if not totals.customers:
        return None
    features = await engine.sample(FIT_LIMIT, _recipe(plan, parameters).rule)
    return await stoppable(_solved, features, plan, parameters)


def _solved(features: Points, plan: Plan, parameters: dict[str, Any]) -> Solved:
    """Fit or take over the model, and place the customers of the sample."""
    model, sweep = _model(features, plan, parameters)
    points = model.space.points(features)
    in_force = _start(plan.start) if parameters.get("refit") else None
    change = shift(features, in_force, model) if in_force and len(features) else None
    return Solved(model, sweep, features, points, nearest(points, model.centroids), change)


async def _place(engine: Engine, plan: Plan, edges: Edges, solved: Solved | None) -> Shown:
    """Everybody's segment; nobody is held where a name would be untrue that is true without."""
    if solved is None:
        return Shown(Placed(inertia=0.0), await engine.aggregate(()), [])
    shown = await _placed(engine, solved, from_before=_is_held(plan, edges, solved.model))
    if shown.placed.held and shown.untrue and not await stoppable(_untrue_of_nearest, solved):
        released = await _placed(engine, solved, from_before=False)
        return released._replace(placed=released.placed._replace(held=0))
    return shown


async def _placed(engine: Engine, solved: Solved, *, from_before: bool) -> Shown:
    model = solved.model
    placed = await engine.assign(model, solved.assignment, from_before=from_before)
    found = await engine.aggregate(model.segments)
    untrue = await stoppable(untrue_names, model, solved.features, found.stats)
    return Shown(placed, found, untrue)


def _untrue_of_nearest(solved: Solved) -> list[str]:
    return broken_names(solved.model, solved.features, labels=solved.assignment.labels)


async def _measured(solved: Solved | None) -> Quality | None:
    """How good the clusters are by nearest centres: beside what is done with all customers."""
    if solved is None:
        return None
    model = solved.model
    return await stoppable(measure, solved.points, model.centroids, solved.assignment, model.seed)


def _fitted(solved: Solved | None, shown: Shown, quality: Quality | None) -> Fitted | None:
    if solved is None or quality is None:
        return None
    return Fitted(
        model=solved.model, quality=replace(quality, inertia=shown.placed.inertia),
        sweep=solved.sweep, untrue=shown.untrue, shift=solved.shift, held=shown.placed.held,
    )  # fmt: skip


def _model(
    features: Points, plan: Plan, parameters: dict[str, Any]
) -> tuple[Model, list[Candidate]]:
    taken = plan.model_run if plan.model_run is not plan.chosen else None
    if taken and taken.model.get("centroids"):
        return replace(Model.stored(taken.model), frozen=True), []
    if chosen := _start(plan.chosen):
        return keep(features, chosen, parameters["seed"], plan.refused), []
    if plan.day and _is_the_days(plan.day, plan, len(features)):
        return _kept(plan.day)
    k, recipe, start = parameters["k"], _recipe(plan, parameters), _start(plan.start)
    if k == "auto" and len(features):
        return fit_auto(features, recipe, start)
    return fit(features, 1 if k == "auto" else k, recipe, start), []


def _is_the_days(earlier: ScoringRun, plan: Plan, customers: int) -> bool:
    """Whether a run of the day measured what this one does, and about as many customers."""
    now = basis_of(
        plan.spec.window_days, plan.spec.base_currency or None, earlier.model,
        report.measured(plan.spec),
    )  # fmt: skip
    fitted_on = earlier.model.get("fitted_on", 0)
    is_alike = fitted_on <= ALIKE * customers and customers <= ALIKE * fitted_on
    return is_alike and not changed(basis_of_run(earlier), now)


def _kept(earlier: ScoringRun) -> tuple[Model, list[Candidate]]:
    """The model of a run of the day, bit by bit, with what that run said of it."""
    model = Model.stored(earlier.model)
    sweep = [Candidate(**candidate) for candidate in earlier.sweep]
    return replace(model, fitted_by=model.fitted_by or earlier.run_id), sweep


def _recipe(plan: Plan, parameters: dict[str, Any]) -> Recipe:
    """How the run fits; a model that is taken over brings its own rule."""
    taken = plan.model_run.model.get("rule", "classic") if plan.model_run else None
    rule = taken or parameters.get("rule", "classic")
    eager = bool(parameters.get("refit"))
    return Recipe(parameters["seed"], parameters["transform"], rule, eager)


def _start(before: ScoringRun | None) -> Start | None:
    if not (before and before.run_id and before.model.get("centroids")):
        return None
    return Start.stored(before.model, before.run_id)


async def _flows(engine: Engine, found: RunResult) -> Flows:
    """From the snapshot before, if there is one and both have segments."""
    before = found.plan.previous
    if not (before and _before(found.plan) and found.fitted):
        return Flows()
    now = report.definition(found.plan, found.edges, found.fitted.model)
    return await engine.flows(definition_of(before), now)


def _filled(result: RunResult) -> list[dict[str, Any]]:
    """A row per cluster, and per segment apart that has customers."""
    k = result.fitted.model.k if result.fitted else 0
    return [
        one for one in result.aggregates.stats if one["customer_count"] or one["cluster_id"] < k
    ]


def _outcome(found: RunResult, target: Target, claimed: Claim) -> Outcome:
    return Outcome(
        target=target, data_version=found.plan.data_version,
        row=report.row(found, claimed.parameters), stats=_filled(found),
        samples=found.aggregates.samples, flows=found.flows, quiet=found.quiet.rows(named=True),
        segment_countries=found.aggregates.segment_countries,
        country_summaries=found.aggregates.country_summaries,
    )  # fmt: skip
