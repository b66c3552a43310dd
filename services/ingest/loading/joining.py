"""Customers whom some files name by id and others by e-mail address: one where a file says so.

Every id that files name keeps its row in `customers`; `joined_to` says whose address it is. An
order belongs to the number, and `known_as` keeps the address by which its file names the customer.
Both follow from what files say now, so neither their order nor an undo matters. An address of
several numbers is nobody's: it stays a customer of its own.
"""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading.stage import Stage, copy_in
from ingest.loading.tables import TARGETS
from ingest.reading.mapping import CUSTOMER_EMAIL
from rfm_common.db import run_sql
from rfm_common.identity import ADDRESS
from rfm_common.models import Kind

ABOUT = "joined"
KNOWN = f"SELECT customer_id AS address FROM customers WHERE customer_id ~ '{ADDRESS}'"
"""SQL: every address by which a customer is known."""

_SAID = f"""
    SELECT lower(email) AS address, customer_id AS number FROM customers
    WHERE email IS NOT NULL AND customer_id !~ '{ADDRESS}'
    UNION ALL
    SELECT email COLLATE "default", customer_id FROM customer_emails
    WHERE EXISTS (SELECT FROM customers c WHERE c.customer_id = customer_emails.customer_id)
"""
"""What files say now: an address and the number that it belongs to."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Of the addresses that were looked at: those that are numbers, and those of several."""

    addresses: int = 0
    example: Sequence[str] | None = None
    """An address and its number."""
    ambiguous: int = 0
    ambiguous_example: Sequence[str] | None = None
    """An address, its first number and its last one."""
    changed: int = 0
    """Addresses of customers who are somebody else than before."""
    orders_moved: int = 0

    def told(self) -> list[dict[str, str]]:
        """For the import."""
        texts = []
        if self.example:
            address, number = self.example
            texts.append(
                "Customers whom one file names by id and another by e-mail address, joined because"
                f" a file has both: {self.addresses:,}, such as {address!r}, who is {number!r}."
            )
        if self.ambiguous_example:
            address, first, last = self.ambiguous_example
            texts.append(
                f"E-mail addresses of several customers: {self.ambiguous:,}, such as {address!r}"
                f" ({first!r} and {last!r}). Orders that name only the address stay with a separate"
                " customer."
            )
        return [{"about": ABOUT, "text": text} for text in texts]


def said_by(rows: pl.DataFrame) -> pl.DataFrame:
    """The addresses that rows of orders give to numbers, each pair once."""
    pairs = rows.select(email=pl.col(CUSTOMER_EMAIL), customer_id=pl.col("customer_id"))
    is_number = (pl.col("customer_id") != "") & ~pl.col("customer_id").str.contains(ADDRESS)
    return pairs.filter(pl.col("email").is_not_null() & is_number).unique()


async def before_load(session: AsyncSession, stage: Stage, *, names_addresses: bool) -> Joined:
    """Let staged orders belong to whom their addresses are known to be; free without addresses."""
    if names_addresses:
        return await resolve(session, stage)
    if stage.target is TARGETS[Kind.CUSTOMERS]:
        await _keep_former(session, stage)
    return Joined()


async def after_load(session: AsyncSession, stage: Stage, said: pl.DataFrame | None) -> Joined:
    """Join the customers whom the file shows to be one; `said` is what its orders say."""
    if stage.target is TARGETS[Kind.CUSTOMERS]:
        return await _among_customers(
            session, stage.target.name if stage.is_rebuild else stage.table
        )
    if said is None or said.is_empty():
        return Joined()
    await _note_said(session, stage.import_id, said)
    return await _among_orders(session, stage.import_id)


async def _note_said(session: AsyncSession, import_id: int, said: pl.DataFrame) -> None:
    """Keep which addresses a file of orders gives to which numbers."""
    pairs = said.unique().with_columns(import_id=pl.lit(import_id, pl.Int64))
    await copy_in(session, "customer_emails", pairs)


async def forget(session: AsyncSession, import_id: int) -> None:
    """Take back what an import said."""
    await run_sql(session, "DELETE FROM customer_emails WHERE import_id = :id", id=import_id)


async def _keep_former(session: AsyncSession, stage: Stage) -> None:
    """Before customers get another address: keep the one by which their orders know them."""
    if "email" in stage.filled:
        await run_sql(session, f"""
            INSERT INTO customer_emails (email, customer_id, import_id)
            SELECT a.customer_id, t.customer_id, t.import_id
            FROM customers a JOIN customers t ON t.customer_id = a.joined_to
            JOIN {stage.table} s ON s.customer_id = t.customer_id
            WHERE lower(t.email) = a.customer_id AND lower(s.email) IS DISTINCT FROM a.customer_id
              AND t.import_id IS NOT NULL
            ON CONFLICT DO NOTHING
            """)  # fmt: skip


async def resolve(session: AsyncSession, stage: Stage) -> Joined:
    """Let staged orders belong to the numbers that their addresses are known to be."""
    named = f"SELECT DISTINCT customer_id AS address FROM {stage.table}"
    named += f" WHERE customer_id ~ '{ADDRESS}'"
    await _compare(session, named)
    await run_sql(session, """
        INSERT INTO customers (customer_id, import_id) SELECT address, :import_id FROM joining
        WHERE is_new AND now IS NOT NULL
        """, import_id=stage.import_id)  # fmt: skip
    joined = await _carry_out(session)
    if joined.addresses:
        await run_sql(session, f"""
            UPDATE {stage.table} s SET known_as = s.customer_id, customer_id = j.now
            FROM joining j WHERE s.customer_id = j.address AND j.now IS NOT NULL
            """)  # fmt: skip
    return joined


async def _among_customers(session: AsyncSession, source: str) -> Joined:
    """After customers came, from a table with theirs: join whom files know by their addresses."""
    if not (await run_sql(session, f"SELECT EXISTS ({KNOWN})")).scalar():
        return Joined()
    return await rejoin(session, f"""
        SELECT c.address FROM ({KNOWN}) c WHERE c.address IN (
            SELECT lower(email) COLLATE "C" FROM {source} UNION ALL SELECT customer_id FROM {source}
        )
        """)  # fmt: skip


async def _among_orders(session: AsyncSession, import_id: int) -> Joined:
    """After orders came that say an address and a number."""
    return await rejoin(session, f"""
        SELECT c.address FROM ({KNOWN}) c WHERE c.address IN (
            SELECT email FROM customer_emails WHERE import_id = {import_id:d})
        """)  # fmt: skip


async def rejoin(session: AsyncSession, addresses: str = KNOWN) -> Joined:
    """Let these customers, a SELECT of `address`, be who files say now that they are."""
    await _compare(session, addresses)
    return await _carry_out(session)


async def _compare(session: AsyncSession, addresses: str) -> None:
    """The table `joining`: of each address who it was and who it is now."""
    await run_sql(session, "DROP TABLE IF EXISTS pg_temp.joining")
    await run_sql(session, f"""
        CREATE TEMP TABLE joining ON COMMIT DROP AS
        SELECT a.address, c.customer_id IS NULL AS is_new, c.joined_to AS was,
               CASE WHEN s.first = s.last THEN s.first END AS now, s.first, s.last
        FROM ({addresses}) a LEFT JOIN customers c ON c.customer_id = a.address
        LEFT JOIN (SELECT n.address, min(s.number) AS first, max(s.number) AS last
                   FROM ({addresses}) n JOIN ({_SAID}) s
                   ON s.address = n.address COLLATE "default" GROUP BY n.address) s
               ON s.address = a.address
        WHERE s.first IS NOT NULL OR c.joined_to IS NOT NULL
        """)  # fmt: skip


async def _carry_out(session: AsyncSession) -> Joined:
    """Let orders and customers follow the table `joining`, and count it."""
    moved = await run_sql(session, _MOVE_ORDERS)
    for statement in (_FOLLOW, _EXCLUDE_NUMBERS, _EXCLUDE_ADDRESSES):
        await run_sql(session, statement)
    counted = await run_sql(session, """
        SELECT count(now) AS addresses,
               min(ARRAY[address, now]) FILTER (WHERE now IS NOT NULL) AS example,
               count(*) FILTER (WHERE first < last) AS ambiguous,
               min(ARRAY[address, first, last]) FILTER (WHERE first < last) AS ambiguous_example,
               count(*) FILTER (WHERE was IS DISTINCT FROM now AND NOT is_new) AS changed
        FROM joining
        """)  # fmt: skip
    return Joined(**counted.one()._mapping, orders_moved=int(moved.scalar_one()))


_MOVE_ORDERS = """
WITH moved AS (
    UPDATE orders o SET customer_id = coalesce(j.now, j.address),
           known_as = CASE WHEN j.now IS NOT NULL THEN j.address END
    FROM joining j
    WHERE j.was IS DISTINCT FROM j.now AND o.customer_id = coalesce(j.was, j.address)
      AND coalesce(o.known_as, o.customer_id) = j.address
    RETURNING o.import_id
), rewritten AS (
    UPDATE imports SET in_lake = false WHERE import_id IN (SELECT import_id FROM moved)
)
SELECT count(*) FROM moved
"""
"""The lake's files of their imports are written anew."""

_FOLLOW = """
UPDATE customers c SET joined_to = j.now FROM joining j
WHERE c.customer_id = j.address AND j.was IS DISTINCT FROM j.now
"""

_EXCLUDE_NUMBERS = """
UPDATE customers n SET excluded_at = a.excluded_at
FROM joining j JOIN customers a ON a.customer_id = j.address
WHERE j.was IS DISTINCT FROM j.now AND n.customer_id = j.now
  AND n.excluded_at IS NULL AND a.excluded_at IS NOT NULL
"""
"""Who was kept out of scores under an address stays so under the number."""

_EXCLUDE_ADDRESSES = """
UPDATE customers a SET excluded_at = n.excluded_at
FROM joining j JOIN customers n ON n.customer_id = coalesce(j.now, j.was)
WHERE j.was IS DISTINCT FROM j.now AND a.customer_id = j.address
  AND a.excluded_at IS NULL AND n.excluded_at IS NOT NULL
"""
