"""A session with a Spark Connect server: SQL in, tables out, off the event loop.

The only module that knows pyspark's client, which needs no Java on this side.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import grpc
import polars as pl
from pyspark.errors import AnalysisException, ArithmeticException, PySparkException
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession
from pyspark.storagelevel import StorageLevel

from rfm_spark.jdbc import Database
from scoring.engines.protocol import EngineAwayError, EngineError

T = TypeVar("T")

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # A product of money and a rate is exact or an error, never rounded twice.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
}
RETRIES = 9
"""Some 30 seconds until a server that does not answer is taken for away."""
LASTING = (AnalysisException, ArithmeticException)
"""What the same statement would meet again."""


class Connection:
    """One session, from `open` to `close`; nothing of it stays on the server."""

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self._session: Any = None
        self._kept: list[Any] = []

    async def open(self) -> None:
        """Begin; raises EngineAwayError when the server does not answer for long."""
        await self.close()
        self._session = await self._do(lambda: _connect(self._remote))

    async def close(self) -> None:
        """End the session and forget what was kept."""
        session, self._session = self._session, None
        if session is not None:
            await asyncio.to_thread(_end, session)
        self._kept.clear()  # after the end: each would ask the server to be dropped, and wait

    async def keep(self, name: str, query: str) -> None:
        """Compute a query now, and name its rows.

        They lie on two executors each, so that one may be lost. What follows knows nothing of
        how they came about: a plan that grew with every step took seconds to be planned, and
        would go back to a moment of the database that is gone.
        """
        await self._do(lambda: self._keep(name, query))

    def _keep(self, name: str, query: str) -> None:
        # The client gives what it kept to the thread's active session, whoever asked.
        SparkSession._active_session.session = self._session
        frame = self._session.sql(query).localCheckpoint(True, StorageLevel.MEMORY_AND_DISK_2)
        self._kept.append(frame)  # the server drops what nobody refers to
        frame.createOrReplaceTempView(name)

    async def view(self, name: str, query: str) -> None:
        """Name a query."""
        await self._do(lambda: self._session.sql(query).createOrReplaceTempView(name))

    async def read_database(
        self, name: str, database: Database, table: str, conditions: Sequence[str]
    ) -> None:
        """Name a table of the database; each condition is read by a connection of its own."""

        def read() -> None:
            found = self._session.read.jdbc(
                database.url, table, predicates=list(conditions), properties=database.options
            )
            found.createOrReplaceTempView(name)

        await self._do(read)

    async def read_files(self, name: str, files: Sequence[str]) -> None:
        """Name the rows of Parquet files."""
        await self._do(lambda: self._session.read.parquet(*files).createOrReplaceTempView(name))

    async def table(self, query: str) -> pl.DataFrame:
        """The rows of a query."""
        return await self._do(lambda: _table(self._session.sql(query)))

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query with few of them."""
        return (await self.table(query)).rows(named=True)

    async def write(self, query: str, database: Database, table: str, writers: int) -> None:
        """Append a query's rows to a table; each writer has a transaction of its own.

        Customers are dealt out by id, so that a writer that is repeated has the same rows.
        """

        def write() -> None:
            rows = self._session.sql(query).repartition(writers, "customer_id")
            rows.write.jdbc(database.url, table, mode="append", properties=database.options)

        await self._do(write)

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(self._told, work)
        except asyncio.CancelledError:
            if self._session is not None:
                await asyncio.to_thread(_interrupt, self._session)
            raise

    def _told(self, work: Callable[[], T]) -> T:
        """The work's result, or an error in our words."""
        try:
            return work()
        except LASTING as error:
            raise EngineError(f"Spark refused a statement: {_first_line(error)}") from error
        except (PySparkException, grpc.RpcError, ConnectionError) as error:
            raise EngineAwayError(
                f"Spark at {self._remote} is away or lost a part: {_first_line(error)}"
            ) from error


def _connect(remote: str) -> Any:
    session = SparkSession.builder.remote(remote).create()
    try:
        _retry(session, RETRIES)
        for name, value in SETTINGS.items():
            session.conf.set(name, value)
    except BaseException:
        _end(session)  # or it stays the default of all that are opened later
        raise
    return session


def _retry(session: Any, times: int) -> None:
    session.client.set_retry_policies([DefaultPolicy(max_retries=times, max_backoff=5_000)])


def _end(session: Any) -> None:
    """Stop; a server that is away is not waited for, it forgets by itself."""
    _retry(session, 1)
    session.stop()


def _interrupt(session: Any) -> None:
    with suppress(PySparkException, grpc.RpcError):
        session.interruptAll()


def _table(frame: Any) -> pl.DataFrame:
    found = pl.from_arrow(frame.toArrow())
    return found if isinstance(found, pl.DataFrame) else found.to_frame()


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
