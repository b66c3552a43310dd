"""What a run reads before it computes, in one snapshot of the data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, not_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.explain import ScoringDefinition
from rfm_common.model_versions import Line
from rfm_common.models import (
    DataState,
    ExchangeRate,
    ModelState,
    ModelVersion,
    Order,
    RunState,
    ScoringRun,
)
from rfm_common.runs import resolve_calc_date
from rfm_common.settings import Settings
from scoring.runs.changes import additions, commonest, currency_counts
from scoring.snapshot.features import Rate, Spec, daily_rates
from scoring.snapshot.quiet import reaching_back
from scoring.snapshot.records import Base


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The run's inputs: which data, which definition, and the runs that it follows."""

    data_version: int
    spec: Spec
    wide: Spec
    """The same with the rates of all days that matter to what somebody spent before."""
    fell_back: bool
    """No counted order near today, so that calc_date is the newest counted order."""
    currencies: dict[str, int]
    """How many orders name which currency."""
    base: Base | None
    """A snapshot of the same definition, when only additions came since."""
    previous: ScoringRun | None
    """The run of the snapshot before this calc_date."""
    start: ScoringRun | None
    """The newest earlier run with a model of the same k, transform and rule; of a proposal, the
    run with the model in force."""
    day: ScoringRun | None
    """The newest run of the same date, k, transform and rule that fitted a model or kept one; None
    when there is no start: a first day has no model to keep."""
    model_run: ScoringRun | None
    """The run whose model is to be used as it is."""
    chosen: ScoringRun | None
    """The run with the model that a person pinned for this k, transform and rule."""
    refused: Mapping[str, float]
    """By cause, the gain of models that a person refused in favour of that one."""


async def read_plan(session: AsyncSession, settings: Settings, parameters: dict[str, Any]) -> Plan:
    """Resolve the parameters of a run against the data as it is in this transaction."""
    state = (await session.exec(select(DataState))).one()
    calc_date, fell_back = await resolve_calc_date(
        session, settings, parameters["calc_date"], parameters["window_days"]
    )
    added = await additions(session, calc_date, state.data_version)
    currencies = await currency_counts(session, added)
    base_currency = settings.currency or commonest(currencies)
    known = await known_rates(session)
    narrow = _spec(settings, parameters, calc_date, base_currency)
    spec = with_rates(narrow, known, narrow.window_start)
    chosen = await _pinned_model(session, parameters)
    start = await _start(session, calc_date, parameters, chosen)
    model_run = parameters.get("model_run_id")
    has_day = start is not None and not any(map(parameters.get, ("as_of", "refit")))
    return Plan(
        data_version=state.data_version, spec=spec, fell_back=fell_back, currencies=currencies,
        wide=with_rates(narrow, known, reaching_back(narrow)),
        base=added.base(spec) if added else None,
        previous=await snapshot_before(session, calc_date), start=start,
        day=await _of_the_day(session, calc_date, parameters) if has_day else None,
        model_run=await session.get(ScoringRun, model_run) if model_run else None,
        chosen=None if parameters.get("refit") else chosen,
        refused=await _refused_models(session, chosen) if chosen else {},
    )  # fmt: skip


def _spec(
    settings: Settings, parameters: dict[str, Any], calc_date: datetime, base_currency: str
) -> Spec:
    """Without rates."""
    return Spec(
        calc_date=calc_date, window_days=parameters["window_days"],
        statuses=tuple(sorted(settings.counted_statuses)), zone=settings.timezone,
        base_currency=base_currency, as_of=bool(parameters.get("as_of")),
    )  # fmt: skip


async def known_rates(session: AsyncSession) -> list[Rate]:
    """Every rate of the files of exchange rates."""
    rates = await session.exec(select(ExchangeRate))
    return [Rate(rate.currency, rate.valid_from, rate.rate) for rate in rates.all()]


async def spec_of(session: AsyncSession, run: ScoringRun) -> Spec:
    """What a finished run measured with, and the rates of all days with an order until then."""
    if run.calc_date is None:
        raise ValueError(f"run {run.run_id} has no calc_date")
    measured: dict[str, Any] = {"timezone": "UTC", **run.summary.get("measured", {})}
    spec = Spec(
        calc_date=run.calc_date, window_days=run.window_days,
        statuses=tuple(measured.get("counted_statuses", ())),
        base_currency=run.base_currency or "", zone=measured["timezone"],
    )  # fmt: skip
    if known := await known_rates(session):
        first = (await session.exec(select(func.min(col(Order.order_date))))).one()
        return with_rates(spec, known, min(first or run.calc_date, run.calc_date))
    return spec


def with_rates(spec: Spec, known: Sequence[Rate], first: datetime) -> Spec:
    """With the rates of the shop's days from that moment to calc_date."""
    days = [moment.astimezone(ZoneInfo(spec.zone)).date() for moment in (first, spec.calc_date)]
    return replace(spec, rates=daily_rates(known, spec.base_currency, days[0], days[1]))


async def snapshot_before(session: AsyncSession, calc_date: datetime) -> ScoringRun | None:
    """The run of the newest published snapshot before a moment."""
    found = await session.exec(
        select(ScoringRun)
        .where(col(ScoringRun.is_current), col(ScoringRun.calc_date) < calc_date)
        .order_by(col(ScoringRun.calc_date).desc())
        .limit(1)
    )
    return found.first()


async def _start(
    session: AsyncSession,
    calc_date: datetime,
    parameters: dict[str, Any],
    chosen: ScoringRun | None,
) -> ScoringRun | None:
    """Of another day, or, of a proposal, what is in force.

    Another k, transform or rule in between does not break the line.
    """
    moment, refit = col(ScoringRun.calc_date), parameters.get("refit")
    if refit and chosen:
        return chosen
    found = await session.exec(
        select(ScoringRun)
        .where(col(ScoringRun.is_current), moment <= calc_date if refit else moment < calc_date)
        .where(*_same_recipe(parameters))
        .order_by(col(ScoringRun.calc_date).desc())
        .limit(1)
    )
    return found.first()


async def _of_the_day(
    session: AsyncSession, calc_date: datetime, parameters: dict[str, Any]
) -> ScoringRun | None:
    """Whether its snapshot is still shown or not; but not what a person deleted or chose."""
    flags = [col(ScoringRun.parameters).op("?")(name) for name in ("preview", "as_of")]
    deleted = col(ScoringRun.summary).op("?")("deleted_by")
    found = await session.exec(
        select(ScoringRun)
        .where(ScoringRun.state == RunState.FINISHED, ScoringRun.calc_date == calc_date)
        .where(*_same_recipe(parameters), not_(or_(deleted, *flags)))
        .where(col(ScoringRun.model)["frozen"].astext == "false")
        .where(col(ScoringRun.clusters_created) > 0)
        .order_by(col(ScoringRun.run_id).desc())
        .limit(1)
    )
    return found.first()


async def _pinned_model(session: AsyncSession, parameters: dict[str, Any]) -> ScoringRun | None:
    found = await session.exec(
        select(ScoringRun)
        .join(ModelVersion, col(ModelVersion.run_id) == col(ScoringRun.run_id))
        .where(col(ModelVersion.is_pinned), *Line.of(parameters).is_same)
    )
    return found.first()


async def _refused_models(session: AsyncSession, chosen: ScoringRun) -> dict[str, float]:
    """Those that were proposed in the place of the pinned one."""
    instead_of = col(ScoringRun.metrics)["proposal"]["model_version"].astext
    found = await session.exec(
        select(ScoringRun)
        .join(ModelVersion, col(ModelVersion.version) == col(ScoringRun.model_version))
        .where(ModelVersion.state == ModelState.REFUSED, instead_of == str(chosen.model_version))
        .order_by(col(ScoringRun.run_id))
    )
    models = (run.model for run in found.all())
    return {model.get("cause", ""): model.get("gain", 0.0) for model in models}


def _same_recipe(parameters: dict[str, Any]) -> list[ColumnElement[bool]]:
    asked = col(ScoringRun.parameters)
    names = ("k", "transform", "rule")
    return [asked[name].astext == str(parameters[name]) for name in names if name in parameters]


def definition_of(run: ScoringRun) -> ScoringDefinition:
    """What a finished run was measured with."""
    if run.calc_date is None:
        raise ValueError(f"run {run.run_id} has no calc_date")
    return ScoringDefinition(
        calc_date=run.calc_date, window_days=run.window_days, base_currency=run.base_currency,
        edges=run.edges, model=run.model, measured=run.summary.get("measured", {}),
    )  # fmt: skip
