"""One file into the tables, in one transaction that the caller owns."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.lake.sync import Lake
from ingest.loading import (
    customers,
    items,
    joining,
    ledger,
    merge,
    rebuild,
    refunds,
    stage,
    suppressed,
)
from ingest.loading.stage import Stage
from ingest.loading.suppressed import Suppressed
from ingest.loading.tables import TARGETS
from ingest.reading import row_types
from ingest.reading.left_out import LeftOutCount
from ingest.reading.lines import ABOUT, question_behind
from ingest.reading.mapping import CUSTOMER_EMAIL
from ingest.reading.mending import MendedCount
from ingest.reading.questions import Choice, Question
from ingest.reading.reader import Batch, Layout, batches
from ingest.reading.statuses import StatusCount, own_words
from ingest.reading.structure import NO_ROWS
from ingest.refusal import ChangedError, RefusedError
from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.decisions import LOAD_GOOD, REFUSE, REJECTS
from rfm_common.models import Import, ImportState, Kind
from rfm_common.versions import next_version

LISTED_AT_MOST = 100_000
"""Bad rows that are listed before a file that is condemned anyway is given up."""

HARMLESS = (items.NO_CUSTOMER, suppressed.REASON, *NO_ROWS)
"""Reasons to reject a row that do not speak against its file."""

READING_SHARE = 0.5
"""The part of a long load's time that reading takes; keys and indexes take the rest."""

Progress = Callable[[int, float], Awaitable[None]]
"""Told the rows read so far and the share of the work that is done."""


class LoadedMeanwhileError(Exception):
    """Another process loaded the same bytes while this one was reading them."""


class TooManyRejectsError(Exception):
    """More rows were rejected than the setting allows; the message says how many."""


@dataclass(slots=True)
class Load:
    """A load on its way: what is read, where to, and what was noticed."""

    session: AsyncSession
    row: Import
    file: BinaryIO
    layout: Layout
    max_reject_share: float
    progress: Progress
    suppressed: Suppressed | None = None
    """Whose rows are left out."""
    lake: Lake | None = None
    """Where the orders are written as well."""
    stage: Stage = field(init=False)
    serious: int = 0
    """Rejected rows that speak against the file."""
    broken: dict[str, int] = field(default_factory=dict)
    """Orders of several lines that have one that could not be read: its number."""
    told: list[dict[str, str]] = field(default_factory=list)
    """What the import says of its rows: `about` and `text`."""
    guests: int = 0
    """Rows without a customer."""
    other_types: list[str] = field(default_factory=list)
    """What was listed of rows that are neither orders nor refunds."""
    never_rows: int = 0
    """Listed lines that were never rows: totals, footers, the header once more."""
    erased_orders: set[str] = field(default_factory=set)
    names_addresses: bool = False
    """Whether orders name customers by e-mail address."""
    said: pl.DataFrame | None = None
    """Which addresses orders give to which numbers."""
    currencies: set[str] = field(default_factory=set)
    statuses: StatusCount = field(default_factory=StatusCount)
    left_out: LeftOutCount = field(default_factory=LeftOutCount)
    mended: MendedCount = field(default_factory=MendedCount)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Measure a step; the import shows where its time went."""
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 3)

    @property
    def changes_orders(self) -> bool:
        """Whether orders are new or say something else than before."""
        counts = self.stage.counts
        return self.layout.mapping.kind is Kind.ORDERS and counts.new + counts.updated > 0

    def unknown_statuses(self) -> tuple[Question, ...]:
        """What to ask about words that the first rows did not have."""
        return self.statuses.questions(self.layout.mapping) if self.layout.asks_for_words else ()

    def __post_init__(self) -> None:
        mapping = self.layout.mapping
        self.stage = Stage(
            TARGETS[mapping.kind], self.row.import_id or 0, mapping.filled,
            line_items=mapping.line_items,
        )  # fmt: skip


async def load(work: Load, rebuild_rows: int) -> tuple[Question, ...]:
    """Stage, merge and finish; a file with too many bad rows is held or quarantined.

    Returns what the rows left open: words for a status that nobody knows, rows that may be lines
    of one order. The file is held then.
    """
    session, staged, rows = work.session, work.stage, work.layout.survey.rows_at_most
    await run_sql(session, "SET LOCAL work_mem = '128MB'")
    await run_sql(session, "SET LOCAL random_page_cost = 1.1")  # nobody has spinning disks now
    await stage.forget_rejects(session, staged)  # of the time before a decision
    staged.is_rebuild = await rebuild.begin(session, staged, rows, rebuild_rows)
    await stage.create(session, staged)
    try:
        with work.step("read and copy"):
            await copy_all(work)
    except TooManyRejectsError as error:
        await stage.drop(session, staged)
        _condemn(work, str(error))
        return ()
    if questions := work.unknown_statuses():
        return await _hold(work, questions)
    await lock(session, AdvisoryLock.LOAD)
    if await ledger.loaded_before(session, work.row.sha256, work.layout.mapping.kind):
        raise LoadedMeanwhileError
    if await suppressed.is_outdated(session, work.suppressed):
        raise ChangedError  # somebody was erased while the file was read
    with work.step("key"):
        await make_keys(work)
    if staged.repeated and work.layout.asks_for_lines:
        return await _hold(work, (question_behind(*staged.repeated),))
    effects = await _into_table(work)
    await stage.drop(session, staged)
    await _finish_loaded(work, effects)
    return ()


async def make_keys(work: Load) -> None:
    """Give every staged row a key of its own."""
    if work.layout.mapping.ids_from_content:
        await stage.number_equal(work.session, work.stage)
    if not await stage.has_own_keys(work.session, work.stage):
        await refunds.within(work.session, work.stage)
        await stage.make_unique(work.session, work.stage)


async def _hold(work: Load, questions: tuple[Question, ...]) -> tuple[Question, ...]:
    """Leave the tables as they are, and the file to whoever answers."""
    await stage.drop(work.session, work.stage)
    ledger.hold(work.session, work.row, questions, **_counted(work))
    return questions


async def copy_all(work: Load) -> None:
    """Copy batch after batch, the next one being read in a thread meanwhile."""
    reading = batches(work.file, work.layout)
    ahead = _next(reading)
    try:
        while (batch := await ahead) is not None:
            ahead = _next(reading)
            await _copy_batch(work, batch)
            await work.progress(
                work.stage.counts.total, READING_SHARE * batch.bytes_read / work.layout.survey.size
            )
    finally:
        await asyncio.wait([ahead])
    if work.stage.counts.total == 0:
        raise RefusedError("no_rows", "the file has a header but no rows; export it again")
    if work.stage.line_items:
        await items.drop_orders(work.session, work.stage, work.erased_orders)
        if work.broken:
            await items.hold_back(work.session, work.stage, work.broken)
        folded = await items.fold(work.session, work.stage, work.layout.counted_words)
        work.serious += folded.serious
        work.guests += folded.guests
    _check_rejects(work, work.stage.counts.total)
    if work.guests == work.stage.counts.total:
        raise TooManyRejectsError(f"none of {work.guests} rows names a customer")


def _next(reading: Iterator[Batch]) -> "asyncio.Future[Batch | None]":
    return asyncio.ensure_future(asyncio.to_thread(next, reading, None))


async def _copy_batch(work: Load, batch: Batch) -> None:
    if work.suppressed:
        batch, orders = await asyncio.to_thread(suppressed.without, batch, work.suppressed.persons)
        work.erased_orders.update(orders)
    number = pl.lit(work.stage.import_id, pl.Int64).alias("import_id")
    work.stage.counts.total += batch.count
    work.stage.counts.rejected += batch.rejects.height
    if "currency" in batch.rows.columns and work.layout.mapping.kind is Kind.ORDERS:
        work.currencies |= set(batch.rows["currency"].unique())
    if "status" in work.layout.mapping.columns:
        work.statuses.add(own_words(batch.rows))
    work.left_out.add(batch.left_out)
    work.mended.add(batch.mended)
    if work.layout.mapping.kind is Kind.ORDERS:
        batch = await asyncio.to_thread(_note_addresses, work, batch)
    await stage.append(work.session, work.stage, batch.rows)
    await stage.list_rejects(work.session, batch.rejects.with_columns(number))
    for order_id, line in batch.broken.iter_rows():
        work.broken.setdefault(order_id, line)
    work.serious += int((~batch.rejects["reason"].is_in(HARMLESS)).sum())
    is_other = batch.rejects["reason"] == row_types.REASON
    work.other_types += batch.rejects["message"].filter(is_other).to_list()
    work.never_rows += int(batch.rejects["reason"].is_in(NO_ROWS).sum())
    work.guests += int((batch.rejects["reason"] == items.NO_CUSTOMER).sum())
    if work.serious > LISTED_AT_MOST:
        _check_rejects(work, work.layout.survey.rows_at_most)


def _note_addresses(work: Load, batch: Batch) -> Batch:
    """Note what orders say of addresses; the batch without the column that says it."""
    rows = batch.rows
    work.names_addresses |= rows["customer_id"].str.contains("@", literal=True).any()
    if CUSTOMER_EMAIL not in rows.columns:
        return batch
    said = joining.said_by(rows)
    work.said = said if work.said is None else pl.concat([work.said, said]).unique()
    return replace(batch, rows=rows.drop(CUSTOMER_EMAIL))


def _check_rejects(work: Load, rows: int) -> None:
    if work.serious > work.max_reject_share * rows:
        raise TooManyRejectsError(
            f"{work.serious:,} of {work.stage.counts.total:,} rows have a problem,"
            f" more than {work.max_reject_share:.0%}"
        )


def _condemn(work: Load, message: str) -> None:
    """Ask whether the good rows are to be loaded; without any there is nothing to ask."""
    counts = work.stage.counts
    good = counts.total - counts.rejected
    if not good:
        _finish(work, ImportState.QUARANTINED, reason="too_many_rejects", message=message)
        return
    question = Question(
        about=REJECTS,
        text=f"{counts.rejected:,} of {counts.total:,} rows have a problem:"
        f" import the other {good:,}?",
        found=message,
        proposal=LOAD_GOOD if 2 * good >= counts.total else REFUSE,
        choices=(
            Choice(LOAD_GOOD, f"Import the {good:,} good rows and list the others"),
            Choice(REFUSE, "Refuse the file"),
        ),
    )
    ledger.hold(work.session, work.row, [question], **_counted(work))


async def _into_table(work: Load) -> dict[str, Any]:
    """Merge the stage, or put it in the table's place; the effects."""
    session, staged = work.session, work.stage
    effects: dict[str, Any] = {}
    await _tell(work, 0.65)
    await refunds.between(session, staged)
    before = await joining.before_load(session, staged, names_addresses=work.names_addresses)
    if work.layout.mapping.kind is Kind.ORDERS:
        effects["new_currencies"] = await customers.new_currencies(session, work.currencies)
    effects |= await (_rebuild(work) if staged.is_rebuild else _merge(work))
    after = await joining.after_load(session, staged, work.said)
    if after.orders_moved:
        work.row.in_lake = False
    work.told += [*before.told(), *after.told(), *refunds.told(staged.apart)]
    changed = before.changed + after.changed
    return effects | ({"joined_anew": changed} if changed else {})


async def _merge(work: Load) -> dict[str, Any]:
    session, staged = work.session, work.stage
    effects = await _customers(work)
    with work.step("merge"):
        effects |= await merge.merge(session, staged)
    if replaced := effects.get("orders_replaced"):
        work.told.append({"about": ABOUT, "text": _replaced(**replaced)})
    await _to_lake(work, staged.target.name)
    return effects


def _replaced(orders: int, example: str) -> str:
    return (
        f"Orders that an earlier file had with other lines: {orders:,}, such as {example!r}. The"
        " lines of an order add up within one file only, so those of this file count."
    )


async def _customers(work: Load) -> dict[str, Any]:
    if work.layout.mapping.kind is not Kind.ORDERS:
        return {}
    with work.step("customers"):
        return await customers.add_unknown(work.session, work.stage)


async def _rebuild(work: Load) -> dict[str, Any]:
    session, staged = work.session, work.stage
    with work.step("carry over"):
        effects: dict[str, Any] = await rebuild.carry_over(session, staged)
    with work.step("indexes"):
        await rebuild.index(session, staged)
    await _tell(work, 0.85)
    effects |= await _customers(work)  # now an index gives them, and in order
    with work.step("foreign keys"):
        await rebuild.refer(session, staged)
    await _to_lake(work, staged.table)  # before readers are locked out
    await _tell(work, 0.99)
    with work.step("swap"):
        await rebuild.swap(session, staged)
    return effects


async def _to_lake(work: Load, table: str) -> None:
    """Write the orders that the file changes; the ledger says so in the same transaction."""
    if work.lake and work.changes_orders:
        with work.step("lake"):
            await work.lake.add(work.session, work.stage.import_id, table)
        work.row.in_lake = True


async def _tell(work: Load, share: float) -> None:
    await work.progress(work.stage.counts.total, share)


async def _finish_loaded(work: Load, effects: dict[str, Any]) -> None:
    counts = work.stage.counts
    counts.unchanged = (
        counts.total - counts.new - counts.updated - counts.superseded - counts.rejected
    )
    changed = counts.new + counts.updated > 0 or effects.get("joined_anew", 0) > 0
    version = await next_version(work.session) if changed else None
    is_partly = counts.rejected > work.never_rows
    state = ImportState.LOADED_WITH_REJECTS if is_partly else ImportState.LOADED
    _finish(work, state, data_version=version, effects=effects)


def _finish(work: Load, state: ImportState, **values: Any) -> None:
    ledger.finish(work.session, work.row, state, **_counted(work), **values)


def _counted(work: Load) -> dict[str, Any]:
    counts = work.stage.counts
    return {
        "kind": work.layout.mapping.kind, "notes": _notes(work),
        "rows_total": counts.total, "rows_new": counts.new, "rows_updated": counts.updated,
        "rows_unchanged": counts.unchanged, "rows_superseded": counts.superseded,
        "rows_rejected": counts.rejected,
    }  # fmt: skip


def _notes(work: Load) -> dict[str, Any]:
    """What the import says of its rows, besides what was found out before they were read."""
    notes = work.layout.notes | {"seconds": work.seconds}
    listed = work.statuses.listed(work.layout.mapping.statuses, work.layout.counted_words)
    if listed:  # what the words of the file were taken for
        notes["statuses"] = listed
    told = [*work.told, *row_types.told(work.other_types)]
    told += [*work.left_out.told(), *work.mended.told()]
    if work.guests:
        notes["guests"] = work.guests
        text = f"Rows that name no customer: {work.guests:,}. They are listed, not loaded."
        told.append({"about": "guests", "text": text})
    return notes | {"told": [*notes.get("told", ()), *told]}
