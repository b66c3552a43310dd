"""The orders of each import as a file in the lake: written with the import, kept in step after it.

A file is there before the import commits, so that whoever sees the import finds it. What else
changes the lake (orders that were deleted, imports from before there was one, files that were
lost) is made good afterwards; until then `live_imports` says which files not to rely on.
"""
# ruff: noqa: S608 - the table is a constant of `tables` or the stage of an import

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.lake.files import OWNER, SCHEMA, Files, files_of
from rfm_common.db import AdvisoryLock, Sessions, database_identity, lock, raw_connection, run_sql
from rfm_common.errors import UnavailableError
from rfm_common.lake import live_imports
from rfm_common.settings import Settings

log = logging.getLogger("rfm.ingest")

PART_BYTES = 32 * 2**20
"""Of CSV, kept in memory before they are written away."""

T = TypeVar("T")


class Lake:
    """The lake that the settings name, as ingest writes it."""

    def __init__(self, name: str, files: Files) -> None:
        self._name, self._files = name, files

    @classmethod
    def of(cls, settings: Settings) -> "Lake | None":
        """None without the setting."""
        if not settings.lake:
            return None
        return cls(settings.lake, files_of(settings.lake, settings.data_dir))

    def check(self) -> None:
        """Raise UnavailableError when files cannot be written."""
        with self._reaching():
            self._files.check()

    async def claim(self, sessions: Sessions) -> None:
        """Say that this database writes here; raise UnavailableError when another one does.

        Two would take each other's files for their own, because both number their imports from 1.
        Files that lie in a lake without an owner are written anew: they may be of another time.
        """
        async with sessions() as session, session.begin():
            here = await database_identity(session)
            owner = await self._do(self._files.owner)
            if owner is None:
                await lock(session, AdvisoryLock.LOAD)  # another process sweeps what is half done
                await self._do(self._files.own, here)
                await run_sql(session, _NOTHING_IN_LAKE)
        if owner not in {None, here}:
            raise UnavailableError(
                f"RFM_LAKE={self._name} has the orders of another database; give this one a place"
                f" of its own, or, if it stands in for the other one, remove {OWNER} there"
            )

    async def add(self, session: AsyncSession, import_id: int, table: str) -> None:
        """Write what the table has from this import; the session's transaction makes it count."""
        with await self._do(self._files.workspace) as work:
            parts = _Parts(Path(work), self._do)
            raw = await raw_connection(session)
            told = await raw.copy_from_query(_query(import_id, table), output=parts.take,
                                             format="csv")  # fmt: skip
            rows = await parts.rows()
            await self._do(self._files.write, import_id, rows)
        written = await self._do(self._height, import_id)
        if written != int(told.split()[-1]):
            raise RuntimeError(f"the lake's file has {written} rows after {told}")

    async def keep_up(self, sessions: Sessions) -> None:
        """Take deleted orders out, and write the files that are missing; cheap when all is well."""
        async with sessions() as session:
            live = await live_imports(session)
            found = await run_sql(session, "SELECT EXISTS (SELECT FROM lake_removals)")
            is_behind = bool(found.scalar())
        if is_behind:
            await self.tidy(sessions)
        for number in [entry.import_id for entry in live if not entry.in_lake]:
            await self._fill(sessions, number)

    async def tidy(self, sessions: Sessions) -> None:
        """Compare files and ledger: nothing is left that no live import has, and losses show."""
        async with sessions() as session, session.begin():
            await lock(session, AdvisoryLock.LOAD)
            await self._take_out(session)
            live = {entry.import_id: entry for entry in await live_imports(session)}
            there = await self._do(self._files.numbers)
            for number in there - live.keys():
                await self._do(self._files.remove, number)
            await self._do(self._files.sweep)
            lost = [number for number, entry in live.items()
                    if entry.in_lake and number not in there
                    and not await self._do(self._files.holds, number)]  # fmt: skip
            await _mark(session, lost, is_there=False)

    async def forget(self, sessions: Sessions, customer_id: str) -> int:
        """Take a customer out of every file; in how many the customer was."""
        await self.tidy(sessions)
        theirs = pl.col("customer_id") == customer_id
        async with sessions() as session, session.begin():
            await lock(session, AdvisoryLock.LOAD)
            there = sorted(await self._do(self._files.numbers))
            return sum([await self._do(self._without, number, theirs) for number in there])

    async def _fill(self, sessions: Sessions, number: int) -> None:
        async with sessions() as session, session.begin():
            await lock(session, AdvisoryLock.LOAD)
            live = {entry.import_id: entry.in_lake for entry in await live_imports(session)}
            if live.get(number) is False:
                await self.add(session, number, "orders")
                await _mark(session, [number], is_there=True)
                log.info("the orders of import %d were written to the lake", number)

    async def _take_out(self, session: AsyncSession) -> None:
        """From each file the orders that were deleted after it was written."""
        found = await run_sql(session, "DELETE FROM lake_removals RETURNING order_id, data_version")
        gone = pl.DataFrame(
            found.all(), schema={"order_id": pl.String, "data_version": pl.Int64}, orient="row"
        )
        if gone.is_empty():
            return
        for entry in await live_imports(session):
            ids = gone.filter(pl.col("data_version") >= entry.data_version)["order_id"]
            if entry.in_lake and len(ids) and await self._do(self._files.holds, entry.import_id):
                deleted = pl.col("order_id").is_in(ids.implode())
                await self._do(self._without, entry.import_id, deleted)

    async def _do(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do it in a thread, and be cancelled only when that has ended: until then it may write."""
        task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
        with self._reaching():
            try:
                return await asyncio.shield(task)
            finally:
                await asyncio.wait([task])

    @contextmanager
    def _reaching(self) -> Generator[None]:
        try:
            yield
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UnavailableError(f"RFM_LAKE={self._name} cannot be used: {error}") from error

    def _height(self, number: int) -> int:
        return int(self._files.read(number).select(pl.len()).collect().item())

    def _without(self, number: int, unwanted: pl.Expr) -> bool:
        """Rewrite a file without some rows, if it has any of them."""
        rows = self._files.read(number)
        if rows.filter(unwanted).head(1).collect().is_empty():
            return False
        self._files.write(number, rows.filter(~unwanted))
        return True


async def leave(sessions: Sessions) -> None:
    """Without the setting: what lies in a lake is not kept up to date, and nobody reads it."""
    async with sessions() as session, session.begin():
        if not (await run_sql(session, _LEFT)).scalar():
            return  # without waiting for somebody's long load
        await lock(session, AdvisoryLock.LOAD)
        left = await run_sql(session, _NOTHING_IN_LAKE)
        await run_sql(session, "DELETE FROM lake_removals")
    if left.rowcount:
        log.warning(
            "RFM_LAKE is not set any more: erasures do not reach the lake's files of %d imports;"
            " remove them", left.rowcount,
        )  # fmt: skip


_NOTHING_IN_LAKE = "UPDATE imports SET in_lake = false WHERE in_lake"
_LEFT = """
SELECT EXISTS (SELECT FROM imports WHERE in_lake) OR EXISTS (SELECT FROM lake_removals)
"""


async def _mark(session: AsyncSession, numbers: list[int], *, is_there: bool) -> None:
    await run_sql(session, "UPDATE imports SET in_lake = :is_there WHERE import_id = ANY(:numbers)",
                  is_there=is_there, numbers=numbers)  # fmt: skip


def _query(import_id: int, table: str) -> str:
    """The columns of the lake; moments as microseconds, which need no parsing.

    The word of a status is written out: CSV, as polars reads it, tells no null from empty text.
    """
    return f"""
        SELECT import_id, order_id, customer_id,
               CAST(extract(epoch FROM order_date) * 1000000 AS bigint), order_amount, currency,
               status, COALESCE(status_word, status)
        FROM {table} WHERE import_id = {import_id}
        """


class _Parts:
    """What COPY sends, row by row, as files of some hundred thousand rows."""

    def __init__(self, folder: Path, do: Callable[..., Awaitable[None]]) -> None:
        self._folder, self._do = folder, do
        self._waiting = io.BytesIO()
        self._paths: list[Path] = []

    async def take(self, lines: bytes) -> None:
        """Whole rows: PostgreSQL sends one in each message."""
        self._waiting.write(lines)
        if self._waiting.tell() >= PART_BYTES:
            await self._write_away()

    async def rows(self) -> pl.LazyFrame:
        """All of them, still on disk."""
        if self._waiting.tell():
            await self._write_away()
        if not self._paths:
            return pl.LazyFrame(schema=SCHEMA)
        return pl.scan_parquet(self._paths)

    async def _write_away(self) -> None:
        body, self._waiting = self._waiting.getvalue(), io.BytesIO()
        path = self._folder / f"{len(self._paths)}.parquet"
        self._paths.append(path)
        await self._do(_write_part, body, path)


def _write_part(body: bytes, path: Path) -> None:
    given = SCHEMA | {"order_date": pl.Int64()}
    frame = pl.read_csv(
        io.BytesIO(body), has_header=False, schema=given, empty_string_is_null=False
    )
    frame.cast({"order_date": SCHEMA["order_date"]}).write_parquet(path, compression="lz4")
