"""Asking for a scoring run: the one place where a request becomes a row and an event."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Text, func, literal_column
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.basis import Basis, basis_of_run
from rfm_common.bus import add_to_outbox
from rfm_common.calendar import days_before
from rfm_common.counting import counted_by
from rfm_common.db import run_sql
from rfm_common.errors import ConflictError
from rfm_common.events import RunQueued
from rfm_common.models import DataState, Order, RunState, ScoringRun
from rfm_common.settings import Settings, Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What someone asked for; None means the setting's value."""

    calc_date: datetime | Literal["latest"] | None = None
    window_days: int | None = None
    k: int | Literal["auto"] | None = None
    transform: Transform | None = None
    model_run_id: int | None = None
    """Assign with this run's model as it is, instead of fitting."""
    as_of: bool = False
    """Leave out customers who were not known yet at calc_date."""
    preview: bool = False
    """Compute and tell, but change nothing: no snapshot is published."""
    refit: bool = False
    """Propose a new fit beside the model in force, whether it is better or not; a preview."""

    @property
    def is_automatic(self) -> bool:
        """Whether it asks for nothing but the settings, like the run after an import."""
        return self == RunRequest()

    def parameters(self, settings: Settings) -> dict[str, object]:
        """Every parameter filled in, ready for JSON."""
        date = self.calc_date
        moment = settings.localise(date).isoformat() if isinstance(date, datetime) else date
        asked = {
            "window_days": self.window_days or settings.window_days,
            "k": self.k or settings.default_k,
            "transform": self.transform or settings.transform,
            "rule": settings.segments,
        }
        frozen = {"model_run_id": self.model_run_id} if self.model_run_id else {}
        flags = {name: True for name in ("as_of", "preview", "refit") if getattr(self, name)}
        return {"calc_date": moment, **asked, "seed": settings.seed, **frozen, **flags}


def foreseen(shown: ScoringRun, parameters: Mapping[str, Any], settings: Settings) -> Basis:
    """By what a run with these parameters will measure, as far as it is known beforehand.

    What is asked for as it was for the run that is shown will be as it is there: k may have been
    reduced, or chosen by the data.
    """
    then, before = basis_of_run(shown), shown.parameters
    asked = {
        name: parameters[name]
        for name in ("k", "rule", "transform")
        if parameters[name] not in ("auto", before.get(name))
    }
    return replace(
        then, **asked, window_days=parameters["window_days"], timezone=settings.timezone,
        base_currency=settings.currency or then.base_currency,
        counted_statuses=tuple(sorted(settings.counted_statuses)),
    )  # fmt: skip


async def newest_counted_order(session: AsyncSession, settings: Settings) -> datetime | None:
    """The date of the newest counted order, None when there is none."""
    newest = await session.exec(select(func.max(Order.order_date)).where(_is_counted(settings)))
    return newest.one()


async def has_counted_order(
    session: AsyncSession, settings: Settings, calc_date: datetime, window_days: int
) -> bool:
    """Whether a counted order lies in the window that ends at calc_date."""
    date = col(Order.order_date)
    start = days_before(calc_date, window_days, settings.zone)
    found = await session.exec(
        select(Order.order_id)
        .where(_is_counted(settings), date >= start, date <= calc_date)
        .limit(1)
    )
    return found.first() is not None


def _is_counted(settings: Settings) -> ColumnElement[bool]:
    """Whether an order of the table counts as a purchase: a refund is none."""
    word, values = counted_by(settings.counted_statuses, "orders")
    return literal_column(word, Text).in_(values) & (col(Order.order_amount) >= 0)


async def resolve_calc_date(
    session: AsyncSession, settings: Settings, requested: str | None, window_days: int
) -> tuple[datetime, bool]:
    """The moment that a run looks back from, and whether it had to fall back to `latest`.

    `requested` is None (the end of today in the shop's zone), `latest` (the newest counted
    order) or an ISO date-time. Without any counted order `latest` is the end of today too. What day
    it is says the clock of PostgreSQL, by which pages choose what they show.
    """
    if requested not in (None, "latest"):
        return settings.localise(datetime.fromisoformat(str(requested))), False
    today = settings.end_of_day((await run_sql(session, "SELECT now()")).scalar_one())
    if requested is None and await has_counted_order(session, settings, today, window_days):
        return today, False
    newest = await newest_counted_order(session, settings)
    if newest is None:
        return today, False
    return newest, requested is None


async def queue_run(
    session: AsyncSession,
    settings: Settings,
    request: RunRequest,
    trigger: str,
    idempotency_key: str | None = None,
) -> ScoringRun:
    """Insert a queued run and its event; the caller commits and relays.

    An equal run that still waits in the queue is returned instead: it will see the same data.
    """
    parameters = request.parameters(settings)
    await run_sql(session, "SELECT 1 FROM data_state WHERE id = 1 FOR UPDATE")
    waiting = await session.exec(
        select(ScoringRun)
        .where(ScoringRun.state == RunState.QUEUED, ScoringRun.parameters == parameters)
        .with_for_update()
    )
    if run := waiting.first():
        return run
    run = ScoringRun(
        trigger=trigger,
        is_automatic=request.is_automatic,
        parameters=parameters,
        window_days=int(str(parameters["window_days"])),
        engine=settings.engine,
        idempotency_key=idempotency_key,
    )
    session.add(run)
    await session.flush()
    add_to_outbox(session, RunQueued(run_id=run.run_id, trigger=trigger))
    return run


async def is_behind(session: AsyncSession) -> bool:
    """Whether the data is newer than the scores: the one truth that Redis only hints at."""
    state = (await session.exec(select(DataState))).one()
    return state.data_version > state.scored_version


async def queue_backfill(
    session: AsyncSession, settings: Settings, months: int = 24
) -> list[ScoringRun]:
    """Queue as-of snapshots of past month ends, oldest first, with the newest model.

    Months that ended before the first counted order are left out. Raises ConflictError while
    there is no model yet. The caller commits and relays.
    """
    newest = await session.exec(
        select(ScoringRun)
        .where(col(ScoringRun.is_current), col(ScoringRun.clusters_created) > 0)
        .where(col(ScoringRun.model)["transform"].astext.is_not(None))
        .order_by(col(ScoringRun.calc_date).desc())
        .limit(1)
    )
    model_run = newest.first()
    first = (
        await session.exec(select(func.min(Order.order_date)).where(_is_counted(settings)))
    ).one()
    if model_run is None or model_run.calc_date is None or first is None:
        raise ConflictError("There is no model yet: score once, then fill in the past.")
    ends = [end for end in month_ends(settings, model_run.calc_date, months) if end >= first]
    requests = (
        RunRequest(
            calc_date=end, window_days=model_run.window_days, k=model_run.k,
            transform=model_run.model["transform"], model_run_id=model_run.run_id, as_of=True,
        )
        for end in ends
    )  # fmt: skip
    return [await queue_run(session, settings, request, "backfill") for request in requests]


def month_ends(settings: Settings, before: datetime, months: int) -> list[datetime]:
    """The last moments of the shop's months that ended before `before`, oldest first."""
    first = before.astimezone(settings.zone).date().replace(day=1)
    ends = []
    for _ in range(months):
        last = first - timedelta(days=1)
        ends.append(datetime.combine(last, time.max, settings.zone))
        first = last.replace(day=1)
    return ends[::-1]
