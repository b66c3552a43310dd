"""Who changed segment between two snapshots, and why; any number of them, in batches."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.reasons import find_definition
from gateway.kit.rows import money
from gateway.kit.schemas import Snapshot
from gateway.migrations.change_schemas import Change, ChangeCause
from gateway.segments.queries import EVERYBODY
from rfm_common.db import raw_connection, run_sql
from rfm_common.explain import ScoringDefinition, Standing, segment_cause

BATCH = 2000
FIGURES = ("segment_name", "recency_days", "frequency", "monetary")
Definitions = Mapping[int, ScoringDefinition | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A customer in another segment than before; None for a side where the customer is not."""

    customer_id: str
    email: str | None
    country: str | None
    before: Standing | None
    after: Standing | None
    cause: ChangeCause


def standings(snapshot: Snapshot) -> str:
    """SELECT of everybody's standing in a snapshot, with the run that measured it."""
    return (
        f"SELECT customer_id, CAST({snapshot.run_id} AS bigint) AS run_id, {', '.join(FIGURES)}"
        f" FROM {snapshot.assignments} JOIN {snapshot.features} USING (customer_id)"
    )


def _moved(before: str, after: str, segment_name: str) -> tuple[str, tuple[str, ...]]:
    narrowed, arguments = (
        ("", ())
        if segment_name == EVERYBODY
        else (" AND $1 IN (a.segment_name, b.segment_name)", (segment_name,))
    )
    return (
        f" FROM ({before}) b FULL JOIN ({after}) a USING (customer_id)"
        f" WHERE a.segment_name IS DISTINCT FROM b.segment_name{narrowed}",
        arguments,
    )


async def count_moves(
    session: AsyncSession, before: Snapshot, after: Snapshot, segment_name: str = EVERYBODY
) -> int:
    """How many `moves` there are between two snapshots."""
    then, now = (f"SELECT customer_id, segment_name FROM {s.assignments}" for s in (before, after))
    condition, arguments = _moved(then, now, segment_name)
    raw = await raw_connection(session)
    return int(await raw.fetchval(f"SELECT count(*) {condition}", *arguments))


async def moves(
    session: AsyncSession,
    before: str,
    after: Snapshot,
    segment_name: str = EVERYBODY,
    batch: int = BATCH,
) -> AsyncGenerator[list[Move]]:
    """Everybody who is elsewhere than in `before` (a SELECT like `standings`), by id.

    With a segment's name only those who left it or came to it. Bounded memory: so many a time.
    """
    condition, arguments = _moved(before, standings(after), segment_name)
    columns = ", ".join(
        f"{money(f'{side}.{name}') if name == 'monetary' else f'{side}.{name}'} AS {side}_{name}"
        for side in "ba"
        for name in FIGURES
    )
    statement = (
        f"SELECT m.*, u.email, u.country FROM (SELECT customer_id, b.run_id, {columns} {condition})"
        " m LEFT JOIN customers u USING (customer_id) ORDER BY customer_id"
    )
    raw = await raw_connection(session)
    cursor = await raw.cursor(statement, *arguments)
    definitions: dict[int, ScoringDefinition | None] = {}
    while records := await cursor.fetch(batch):
        for run_id in {after.run_id, *(record["run_id"] or 0 for record in records)} - {
            *definitions
        }:
            definitions[run_id] = await find_definition(session, run_id)
        yield await asyncio.to_thread(_read, records, definitions, definitions[after.run_id])


def _read(
    records: Sequence[Any], definitions: Definitions, now: ScoringDefinition | None
) -> list[Move]:
    return [_move(record, definitions.get(record["run_id"] or 0), now) for record in records]


def _move(record: Any, then: ScoringDefinition | None, now: ScoringDefinition | None) -> Move:
    before, after = _standing(record, "b"), _standing(record, "a")
    return Move(
        customer_id=record["customer_id"],
        email=record["email"],
        country=record["country"],
        before=before,
        after=after,
        cause=_cause(before, after, then, now),
    )


def _standing(record: Any, side: str) -> Standing | None:
    if record[f"{side}_segment_name"] is None:
        return None
    return Standing(**{name: record[f"{side}_{name}"] for name in FIGURES})


def _cause(
    before: Standing | None,
    after: Standing | None,
    then: ScoringDefinition | None,
    now: ScoringDefinition | None,
) -> ChangeCause:
    if after is None:
        return "left"
    if before is None:
        return "new_customer"
    if then is None or now is None:
        return "model"
    return cast("ChangeCause", segment_cause(before, after, then, now).value)


def told_standings(before: Snapshot, after: Snapshot) -> str:
    """SELECT of where everybody was last told to be, ahead of telling of `after`.

    Those of whom an earlier snapshot of the same date was told are where that one had them,
    all others where the date before left them.
    """
    told = f"SELECT * FROM webhook_told WHERE calc_date = '{after.calc_date.isoformat()}'"
    columns = ", ".join(
        f"CASE WHEN t.run_id IS NULL THEN b.{name} ELSE t.{name} END AS {name}"
        for name in ("run_id", *FIGURES)
    )
    return (
        f"SELECT customer_id, {columns}"
        f" FROM ({standings(before)}) b FULL JOIN ({told}) t USING (customer_id)"
    )


async def note_told(session: AsyncSession, before: str, after: Snapshot) -> None:
    """Keep where the `moves` from `before` led to, for as long as the date may be scored again."""
    condition, _ = _moved(before, standings(after), EVERYBODY)
    figures = ", ".join(f"a.{name}" for name in FIGURES)
    updates = ", ".join(f"{name} = excluded.{name}" for name in ("run_id", *FIGURES))
    await run_sql(session, "DELETE FROM webhook_told WHERE calc_date < :date", date=after.calc_date)
    await run_sql(
        session,
        f"INSERT INTO webhook_told (calc_date, customer_id, run_id, {', '.join(FIGURES)})"
        f" SELECT CAST(:date AS timestamptz), customer_id, :run_id, {figures} {condition}"
        f" ON CONFLICT (calc_date, customer_id) DO UPDATE SET {updates}",
        date=after.calc_date,
        run_id=after.run_id,
    )


def change(move: Move) -> Change:
    """The move as the API shows it."""
    return Change(
        customer_id=move.customer_id,
        email=move.email,
        country=move.country,
        from_segment=move.before.segment_name if move.before else None,
        to_segment=move.after.segment_name if move.after else None,
        cause=move.cause,
        monetary_before=_amount(move.before),
        monetary_after=_amount(move.after),
    )


def _amount(standing: Standing | None) -> Decimal | None:
    return standing.monetary if standing else None
