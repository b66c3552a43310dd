"""Finished runs become messages, each once for every endpoint that wants them.

A run's messages and the note that it has been announced are one transaction: a kill leaves all
or nothing, and a second gateway waits its turn. What is told of customers is what is new: also
when a date is scored many times a day, and its earlier snapshots are gone.
"""

import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.outlook import find_figures
from gateway.kit.responses import encode
from gateway.kit.schemas import Snapshot
from gateway.kit.snapshots import held_snapshot
from gateway.migrations.changes import Move, moves, note_told, told_standings
from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql
from rfm_common.models import RunState, ScoringRun, WebhookEndpoint, WebhookRun

RUN_FINISHED = "run.finished"
SEGMENT_CHANGED = "customer.segment_changed"
TEST = "webhook.test"
EVENTS = (RUN_FINISHED, SEGMENT_CHANGED)
"""What an endpoint may ask for."""
PATIENCE = timedelta(minutes=2)
"""For so long a run's messages wait for what customers are expected to buy, if anybody wants it."""
BATCH = 500
"""Customers in one message."""


async def announce_all(sessions: Sessions) -> int:
    """Announce every finished run that has not been yet, by date; returns how many."""
    announced = 0
    while await announce_next(sessions):
        announced += 1
    return announced


async def announce_next(sessions: Sessions) -> bool:
    """Announce one run; False when there is none."""
    async with sessions() as session, session.begin():
        await lock(session, AdvisoryLock.ANNOUNCE)
        known = select(WebhookRun.run_id).where(WebhookRun.run_id == ScoringRun.run_id)
        found = await session.exec(
            select(ScoringRun)
            .where(ScoringRun.state == RunState.FINISHED, ~known.exists())
            .order_by(col(ScoringRun.calc_date), col(ScoringRun.run_id))
            .limit(1)
        )
        run = found.first()
        if run is None:
            return False
        wanted = await _wanted(session) if _is_news(run) else Wanting()
        if wanted.outlook and _awaits_outlook(run):
            return False
        session.add(WebhookRun(run_id=run.run_id))
        await _announce(session, run, wanted)
    return True


def _is_news(run: ScoringRun) -> bool:
    """Neither the past nor a trial."""
    return run.trigger != "backfill" and not run.parameters.get("preview")


def _awaits_outlook(run: ScoringRun) -> bool:
    """Whether it will soon be known what the customers of its snapshot are expected to buy."""
    is_coming = run.is_current and run.is_automatic and "model" not in run.forecast
    return (
        is_coming and run.finished_at is not None and datetime.now(UTC) < run.finished_at + PATIENCE
    )


@dataclass(frozen=True, slots=True)
class Wanting:
    """Ids of the endpoints that want each kind of message."""

    finished: Sequence[int] = ()
    changes: Sequence[int] = ()
    outlook: Sequence[int] = ()
    """The changes, with what the customers are expected to buy."""


async def _wanted(session: AsyncSession) -> Wanting:
    query = select(WebhookEndpoint).where(col(WebhookEndpoint.is_enabled))
    found = (await session.exec(query)).all()
    changes = [one for one in found if SEGMENT_CHANGED in one.events]
    return Wanting(
        [one.endpoint_id for one in found if RUN_FINISHED in one.events],
        [one.endpoint_id for one in changes if not one.with_outlook],
        [one.endpoint_id for one in changes if one.with_outlook],
    )


async def _announce(session: AsyncSession, run: ScoringRun, wanted: Wanting) -> None:
    if wanted.finished:
        await _write(session, wanted.finished, RUN_FINISHED, _about(run), run)
    if not run.is_automatic or not (wanted.changes or wanted.outlook):
        return
    async for after, data in _changes(session, run):
        if wanted.changes:
            await _write(session, wanted.changes, SEGMENT_CHANGED, data, run)
        if wanted.outlook:
            more = await _with_outlook(session, after, data)
            await _write(session, wanted.outlook, SEGMENT_CHANGED, more, run)


def _about(run: ScoringRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "calc_date": run.calc_date,
        "trigger": run.trigger,
        "is_automatic": run.is_automatic,
        "window_days": run.window_days,
        "k": run.k,
        "base_currency": run.base_currency,
        "data_version": run.data_version,
        "customers": run.customers_processed,
        "clusters": run.clusters_created,
        "warnings": [warning["code"] for warning in run.warnings],
    }


async def _changes(
    session: AsyncSession, run: ScoringRun
) -> AsyncGenerator[tuple[Snapshot, dict[str, Any]]]:
    """The run's snapshot with the data of each message about customers, in batches.

    Nothing when the run's snapshot has been replaced, for the run that did so tells it all; nor
    without an automatic snapshot of an earlier date to compare with.
    """
    after = await held_snapshot(session, "run_id = :value", run.run_id)
    before = after and await held_snapshot(
        session, "is_automatic AND calc_date < :value", after.calc_date
    )
    if after is None or before is None:
        return
    known = told_standings(before, after)
    number = 0
    async for batch in moves(session, known, after, batch=BATCH):
        number += 1
        customers = list(map(_customer, batch))
        yield after, {**_dates(before, after), "batch": number, "customers": customers}
    await note_told(session, known, after)


def _dates(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    return {"run_id": after.run_id, "calc_date": after.calc_date, "since": before.calc_date,
            "base_currency": after.base_currency}  # fmt: skip


async def _with_outlook(
    session: AsyncSession, snapshot: Snapshot, data: dict[str, Any]
) -> dict[str, Any]:
    """The same with what each customer is expected to buy; null for whoever has no figures."""
    ids = [one["customer_id"] for one in data["customers"]]
    known = await find_figures(session, snapshot, ids)
    customers = [{**one, "outlook": known.get(one["customer_id"])} for one in data["customers"]]
    return {**data, "has_outlook": snapshot.has_outlook, "customers": customers}


def _customer(move: Move) -> dict[str, Any]:
    """Ids only: no name and no address leaves by itself."""
    standing = move.after or move.before
    return {
        "customer_id": move.customer_id,
        "from": move.before.segment_name if move.before else None,
        "to": move.after.segment_name if move.after else None,
        "cause": move.cause,
        "monetary": standing.monetary if standing else None,
    }


async def _write(
    session: AsyncSession, endpoints: Sequence[int], kind: str, data: Any, run: ScoringRun
) -> None:
    message_id = await write_message(session, kind, data, run.finished_at, run.run_id)
    await run_sql(
        session,
        "INSERT INTO webhook_deliveries (message_id, endpoint_id, state)"
        " SELECT :message_id, unnest(CAST(:endpoints AS bigint[])), 'pending'",
        message_id=message_id,
        endpoints=list(endpoints),
    )


async def write_message(
    session: AsyncSession, kind: str, data: Any, at: datetime | None, run_id: int | None = None
) -> str:
    """Store a message and return its id, which receivers know it by for ever."""
    message_id = f"msg_{secrets.token_hex(16)}"
    payload = {"type": kind, "timestamp": at or datetime.now(UTC), "data": data}
    await run_sql(
        session,
        "INSERT INTO webhook_messages (message_id, type, run_id, payload)"
        " VALUES (:message_id, :type, :run_id, CAST(:payload AS jsonb))",
        message_id=message_id,
        type=kind,
        run_id=run_id,
        payload=encode(payload).decode(),
    )
    return message_id
