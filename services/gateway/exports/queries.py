"""The SQL of exports: text cells made harmless for spreadsheets, numbers left as they are."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.outlook import outlook_columns
from gateway.kit.rows import money
from gateway.kit.schemas import Snapshot
from gateway.segments.queries import EVERYBODY, WORTH, customer_tables
from rfm_common.spreadsheets import harmless_sql


def customers_query(snapshot: Snapshot, segment_name: str) -> tuple[str, tuple[str, ...]]:
    """A segment's customers, the best first, or everybody by id, and its arguments ($1)."""
    narrowed, order, arguments = (
        ("", "f.customer_id", ())
        if segment_name == EVERYBODY
        else ("WHERE c.segment_name = $1", WORTH, (segment_name,))
    )
    texts = {"customer_id": "f", "email": "u", "country": "u", "segment_name": "c"}
    cells = ", ".join(f"{harmless_sql(f'{of}.{name}')} AS {name}" for name, of in texts.items())
    statement = f"""
        SELECT {cells},
               f.recency_days, f.frequency, {money("f.monetary")} AS monetary,
               f.r_score, f.f_score, f.m_score, c.cluster_id, {outlook_columns(snapshot)}
        {customer_tables(snapshot)} {narrowed} ORDER BY {order}"""
    return statement, arguments


def rejects_query(import_id: int) -> tuple[str, tuple[int, ...]]:
    """The rows of a file that did not load, by line."""
    texts = ", ".join(
        f"{harmless_sql(column)} AS {column}"
        for column in ("column_name", "value", "reason", "message", "raw")
    )
    return (
        f"SELECT outcome, line, {texts} FROM import_rejects WHERE import_id = $1"
        " ORDER BY line, reject_id",
        (import_id,),
    )


async def count_exported(session: AsyncSession, snapshot: Snapshot, segment_name: str) -> int:
    """How many rows `customers_query` has now: a person who was erased is no row any more."""
    narrowed = "" if segment_name == EVERYBODY else " WHERE segment_name = :segment_name"
    statement = f"SELECT count(*) FROM {snapshot.assignments}{narrowed}"
    values = {"segment_name": segment_name} if narrowed else {}
    return int(await rows.scalar(session, statement, **values))
