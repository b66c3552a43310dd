"""The work table of one import: filled by COPY in the file's order, made unique by key."""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

import asyncio
import io
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading.tables import Target
from rfm_common.db import raw_connection, run_sql


@dataclass(slots=True)
class Counts:
    """What became of the rows of a file; the last five add up to the first."""

    total: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0


@dataclass(slots=True)
class Apart:
    """How many refunds got ids of their own, and the id of an order that has one."""

    refunds: int = 0
    example: str | None = None

    def add(self, refunds: int, example: str | None) -> None:
        """Count some more."""
        self.refunds += refunds
        self.example = self.example or example


class Repeated(NamedTuple):
    """How many orders, and the id of one."""

    orders: int
    example: str


@dataclass(slots=True)
class Stage:
    """One import on its way into a table."""

    target: Target
    import_id: int
    filled: tuple[str, ...]
    """The target's columns that the file says something about."""
    is_rebuild: bool = False
    """The stage becomes the table, instead of being merged into it."""
    holds_older: bool = False
    """Rows of earlier imports were carried over into it."""
    line_items: bool = False
    repeated: Repeated | None = None
    """Orders of one customer and one moment that had several rows with other amounts."""
    counts: Counts = field(default_factory=Counts)
    apart: Apart = field(default_factory=Apart)

    @property
    def table(self) -> str:
        """Its name; migrations ignore the prefix."""
        return f"stage_{self.target.name}_{self.import_id}"

    @property
    def items(self) -> str:
        """The name of the table of single order lines, when several make one order."""
        return f"stage_items_{self.import_id}"

    @property
    def key(self) -> str:
        """The key columns, for SQL."""
        return ", ".join(self.target.key)

    @property
    def values(self) -> tuple[str, ...]:
        """The columns beside the key that the file fills."""
        return tuple(name for name in self.target.values if name in self.filled)

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns that the file does not know: they stay as they are."""
        return tuple(name for name in self.target.values if name not in self.filled)

    @property
    def differs(self) -> str:
        """The condition that row `s` of the file says something else than row `t` of the table."""
        pairs = (f"t.{name} IS DISTINCT FROM s.{name}" for name in self.values)
        return "(" + (" OR ".join(pairs) or "false") + ")"

    @property
    def same_key(self) -> str:
        """The condition that `s` and `t` have the same key."""
        return " AND ".join(f"s.{name} = t.{name}" for name in self.target.key)


async def create(session: AsyncSession, stage: Stage) -> None:
    """An empty heap without keys, private to this transaction.

    One that becomes the table is a logged table; where the server keeps minimal WAL, filling it
    in the transaction that made it writes none.
    """
    copy = "INCLUDING ALL EXCLUDING INDEXES" if stage.is_rebuild else ""
    kind = "TABLE" if stage.is_rebuild else "UNLOGGED TABLE"
    await run_sql(session, f"CREATE {kind} {stage.table} (LIKE {stage.target.name} {copy})")
    await _set_import(session, stage.table, stage)
    if stage.line_items:
        columns = ", ".join(f"{name} text" for name in ("order_id", "customer_id", "raw"))
        await run_sql(session, f"""
            CREATE UNLOGGED TABLE {stage.items} (
                {columns}, order_date timestamptz, order_amount numeric(18, 4),
                currency text, status text, status_word text, import_id bigint, import_line int)
            """)  # fmt: skip
        await _set_import(session, stage.items, stage)


async def _set_import(session: AsyncSession, table: str, stage: Stage) -> None:
    """Let every row name its import without sending the number ten million times."""
    await run_sql(
        session, f"ALTER TABLE {table} ALTER COLUMN import_id SET DEFAULT {stage.import_id}"
    )


async def forget_import(session: AsyncSession, stage: Stage) -> None:
    """Give the column back the default of the target: none."""
    await run_sql(session, f"ALTER TABLE {stage.table} ALTER COLUMN import_id DROP DEFAULT")


async def drop(session: AsyncSession, stage: Stage) -> None:
    """Remove what `create` made."""
    await run_sql(session, f"DROP TABLE IF EXISTS {stage.table}, {stage.items}")


async def append(session: AsyncSession, stage: Stage, rows: pl.DataFrame) -> None:
    """Add a batch of rows."""
    if rows.height:
        frozen = stage.is_rebuild and not stage.line_items
        await copy_in(session, stage.items if stage.line_items else stage.table, rows, frozen)


async def list_rejects(session: AsyncSession, rejects: pl.DataFrame) -> None:
    """Add a batch of rejected rows to the import's list."""
    if rejects.height:
        await copy_in(session, "import_rejects", rejects)


async def forget_rejects(session: AsyncSession, stage: Stage) -> None:
    """Empty the import's list: the file is read anew."""
    await run_sql(session, "DELETE FROM import_rejects WHERE import_id = :id", id=stage.import_id)


async def copy_in(
    session: AsyncSession, table: str, frame: pl.DataFrame, frozen: bool = False
) -> None:
    """COPY a frame into the columns of the same names; null and empty text stay apart.

    Rows of a table that is swapped in are frozen: a reader that began before the swap then sees
    the new table, not an empty one, and index-only scans work from the first moment.
    """
    raw = await raw_connection(session)
    text = await asyncio.to_thread(_csv, frame)
    await raw.copy_to_table(
        table, source=text, columns=frame.columns, format="csv", freeze=True if frozen else None
    )


def _csv(frame: pl.DataFrame) -> io.BytesIO:
    sink = io.BytesIO()
    frame.write_csv(sink, include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.f+00")
    sink.seek(0)
    return sink


async def number_equal(session: AsyncSession, stage: Stage) -> None:
    """Let equal orders with an id from their content stay apart: the second one ends in `-2`."""
    await run_sql(session, f"""
        UPDATE {stage.table} s SET order_id = s.order_id || '-' || r.number
        FROM (SELECT ctid AS place, row_number() OVER (PARTITION BY order_id ORDER BY import_line)
                     AS number FROM {stage.table}) r
        WHERE s.ctid = r.place AND r.number > 1
        """)  # fmt: skip


async def has_own_keys(session: AsyncSession, stage: Stage) -> bool:
    """Index the key, where no two rows share one."""
    try:
        async with session.begin_nested():
            await _index_key(session, stage)
    except IntegrityError:
        return False
    return True


async def make_unique(session: AsyncSession, stage: Stage) -> None:
    """Of rows with one key keep the last line and list the others; index the key."""
    await _drop_earlier_lines(session, stage)
    await _index_key(session, stage)


async def _index_key(session: AsyncSession, stage: Stage) -> None:
    await run_sql(session, f"CREATE UNIQUE INDEX {stage.table}_key ON {stage.table} ({stage.key})")


async def _drop_earlier_lines(session: AsyncSession, stage: Stage) -> None:
    ours, kept = (
        "ROW(" + ", ".join(f"{row}.{name}" for name in stage.target.columns) + ")"
        for row in ("s", "last")
    )
    found = await run_sql(session, f"""
        WITH ranked AS (
            SELECT ctid AS place, max(import_line) OVER (PARTITION BY {stage.key}) AS kept
            FROM {stage.table}
        ), gone AS (
            DELETE FROM {stage.table} s USING ranked r, {stage.table} last
            WHERE s.ctid = r.place AND s.import_line < r.kept AND last.import_line = r.kept
            RETURNING s.import_line AS line, r.kept, s.{stage.target.key[0]} AS id,
                      {ours} IS NOT DISTINCT FROM {kept} AS equal,
                      {_is_other_line(stage)} AS is_other
        ), listed AS (
        INSERT INTO import_rejects (import_id, outcome, line, column_name, value, reason, message)
        SELECT :import_id, CASE WHEN equal THEN 'duplicate' ELSE 'superseded' END, line,
               :column, id, CASE WHEN equal THEN 'repeated_row' ELSE 'repeated_id' END,
               CASE WHEN equal THEN 'line ' || kept || ' says the same'
                    ELSE 'line ' || kept || ' has the same id and counts' END
        FROM gone)
        SELECT count(*), count(DISTINCT id) FILTER (WHERE is_other), min(id) FILTER (WHERE is_other)
        FROM gone
        """, import_id=stage.import_id, column=stage.target.key[0])  # fmt: skip
    dropped, orders, example = tuple(found.one())
    stage.counts.superseded += dropped
    stage.repeated = Repeated(orders, example) if orders else None


def _is_other_line(stage: Stage) -> str:
    """The condition that an earlier row `s` may be a line of the order of the `last` row."""
    if stage.target.name != "orders":
        return "false"
    return ("(s.customer_id, s.order_date) = (last.customer_id, last.order_date)"
            " AND s.order_amount <> last.order_amount")  # fmt: skip
