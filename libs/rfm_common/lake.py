"""What readers and writers of the lake have to agree on; who writes it is ingest alone.

Every import that changed orders has one file, with the orders that it inserted or updated. Of an
order that stands in several files the one whose import has the highest `data_version` counts: that
is the order of commits, which is not that of the ids when several processes load. Read that way,
the files of all live imports say exactly what the table `orders` says.
"""
# ruff: noqa: S608 - the conditions are constants of the callers

from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql

FOLDER = "orders"


class LiveImport(NamedTuple):
    """An import whose orders count."""

    import_id: int
    data_version: int
    """The higher one wins."""
    in_lake: bool
    """False: its file is not there yet, or holds orders that were deleted. Ingest is at it."""


def order_file(lake: str, import_id: int) -> str:
    """The URL of an import's file, with the scheme of the lake."""
    return f"{lake}/{FOLDER}/import-{import_id}.parquet"


async def live_imports(session: AsyncSession) -> list[LiveImport]:
    """Every import that changed orders and was not removed, in the order in which they count.

    While orders that were deleted are still in files, whatever was loaded until then is said not
    to be in the lake.
    """
    found = await run_sql(session, """
        SELECT import_id, data_version, in_lake
               AND data_version > (SELECT coalesce(max(data_version), 0) FROM lake_removals)
        FROM imports
        WHERE kind = 'orders' AND state IN ('loaded', 'loaded_with_rejects')
          AND data_version IS NOT NULL
        ORDER BY data_version
        """)  # fmt: skip
    return [LiveImport(*tuple(row)) for row in found.all()]


async def note_removal(session: AsyncSession, condition: str, **values: object) -> None:
    """Have orders taken out of the lake that the same transaction deletes from the table `o`.

    `condition` is about an order `o` and its import `i`. Call it before they are deleted; it costs
    nothing where there is no lake. Who deletes orders holds the lock LOAD.
    """
    await run_sql(session, f"""
        INSERT INTO lake_removals (order_id, data_version)
        SELECT o.order_id, i.data_version FROM orders o JOIN imports i USING (import_id)
        WHERE EXISTS (SELECT FROM imports WHERE in_lake) AND {condition}
        ON CONFLICT (order_id) DO UPDATE SET data_version = excluded.data_version
        """, **values)  # fmt: skip
