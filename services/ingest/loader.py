"""One file into the tables, in one transaction: batches are read in a thread while one is copied."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import BinaryIO

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest import ledger, store
from ingest.reader import Batch, Layout, batches
from ingest.refusal import RefusedError
from ingest.store import Counts, Stage
from ingest.tables import TARGETS
from rfm_common.db import AdvisoryLock, lock
from rfm_common.models import Import, ImportState, Kind

Progress = Callable[[int, float], Awaitable[None]]
"""Told of rows read so far and the share of the file's bytes."""


async def load(
    session: AsyncSession, row: Import, file: BinaryIO, layout: Layout,
    max_reject_share: float, progress: Progress,
) -> None:  # fmt: skip
    """Stage, merge and finish the import; the caller owns the transaction.

    A file with too many rejected rows is quarantined here, its rejects kept.
    """
    stage = Stage(TARGETS[layout.mapping.kind], row.import_id or 0, layout.mapping.fields)
    counts = stage.counts
    await store.create(session, stage)
    condemned = await _copy_all(session, stage, file, layout, max_reject_share, progress)
    if condemned:
        await _drop(session, stage)
        ledger.finish(
            session, row, ImportState.QUARANTINED, reason="too_many_rejects", kind=layout.mapping.kind,
            message=condemned, notes=layout.notes, sha256=layout.survey.sha256,
            rows_total=counts.total, rows_rejected=counts.rejected,
        )  # fmt: skip
        return
    await lock(session, AdvisoryLock.LOAD)
    await store.drop_earlier_lines(session, stage)
    if layout.mapping.kind is Kind.ORDERS:
        await store.add_customers(session, stage)
    await store.merge(session, stage)
    await _drop(session, stage)
    await _finish(session, row, layout, counts)


async def _finish(session: AsyncSession, row: Import, layout: Layout, counts: Counts) -> None:
    counts.unchanged = (
        counts.total - counts.new - counts.updated - counts.superseded - counts.rejected
    )
    version = await store.next_version(session) if counts.changed else None
    state = ImportState.LOADED_WITH_REJECTS if counts.rejected else ImportState.LOADED
    ledger.finish(
        session, row, state, kind=layout.mapping.kind, sha256=layout.survey.sha256,
        notes=layout.notes, data_version=version, rows_total=counts.total, rows_new=counts.new,
        rows_updated=counts.updated, rows_unchanged=counts.unchanged,
        rows_superseded=counts.superseded, rows_rejected=counts.rejected,
    )  # fmt: skip


async def _copy_all(
    session: AsyncSession, stage: Stage, file: BinaryIO, layout: Layout,
    max_reject_share: float, progress: Progress,
) -> str | None:  # fmt: skip
    """Copy every batch; the sentence of condemnation when too many rows are bad."""
    reading = batches(file, layout)
    serious = 0
    ahead = asyncio.create_task(asyncio.to_thread(next, reading, None))
    try:
        while (batch := await ahead) is not None:
            ahead = asyncio.create_task(asyncio.to_thread(next, reading, None))
            await _copy_batch(session, stage, batch)
            serious += int((batch.rejects["reason"] != "no_customer").sum())
            await progress(stage.counts.total, batch.bytes_read / layout.survey.size)
    finally:
        await asyncio.wait([ahead])
    if serious > max_reject_share * stage.counts.total:
        return (f"{serious} of {stage.counts.total} rows were rejected,"
                f" more than {max_reject_share:.0%}")  # fmt: skip
    if stage.counts.total == 0:
        raise RefusedError("no_rows", "the file has a header but no rows")
    return None


async def _copy_batch(session: AsyncSession, stage: Stage, batch: Batch) -> None:
    number = pl.lit(stage.import_id, pl.Int64).alias("import_id")
    stage.counts.total += batch.count
    stage.counts.rejected += batch.rejects.height
    await store.copy_rows(session, stage, batch.rows.with_columns(number))
    if batch.rejects.height:
        await store.copy(session, "import_rejects", batch.rejects.with_columns(number))


async def _drop(session: AsyncSession, stage: Stage) -> None:
    await store.run_sql(session, f"DROP TABLE {stage.table}")
