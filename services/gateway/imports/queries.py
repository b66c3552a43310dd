"""The ledger of dropped files, and the rows of them that did not load."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.imports.schemas import ImportDetail, ImportRow, RejectGroup, RejectRow
from gateway.kit import rows
from gateway.kit.rows import LAST_ROW, Page
from rfm_common.models import ImportState

COLUMNS = """
    import_id, file_name, kind, state, size_bytes, rows_total, rows_new, rows_updated,
    rows_unchanged, rows_superseded, rows_rejected, reason, message, is_demo, data_version,
    started_at, finished_at"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of the ledger are listed."""

    state: ImportState | None = None
    import_ids: Sequence[int] | None = None
    """Only these; None: all."""

    @property
    def condition(self) -> str:
        """The same in SQL, for the values below."""
        parts = ["state = :state"] * bool(self.state)
        parts += ["import_id = ANY(:import_ids)"] * (self.import_ids is not None)
        return " AND ".join(parts) or "true"

    @property
    def values(self) -> dict[str, object]:
        """What the condition names."""
        found: dict[str, object] = {"state": self.state.value} if self.state else {}
        if self.import_ids is not None:
            found["import_ids"] = [number for number in self.import_ids if 0 < number <= LAST_ROW]
        return found


EVERYTHING = Wanted()


async def import_page(
    session: AsyncSession, page: Page, wanted: Wanted = EVERYTHING
) -> list[ImportRow]:
    """One page of the ledger, newest first."""
    return await rows.many(
        session,
        ImportRow,
        f"SELECT {COLUMNS} FROM imports WHERE {wanted.condition}"
        " ORDER BY import_id DESC LIMIT :size OFFSET :skip",
        **page.window,
        **wanted.values,
    )


async def count_imports(session: AsyncSession, wanted: Wanted = EVERYTHING) -> int:
    """How many files the ledger knows."""
    statement = f"SELECT count(*) FROM imports WHERE {wanted.condition}"
    return int(await rows.scalar(session, statement, **wanted.values))


async def imports_of(session: AsyncSession, import_ids: Sequence[int]) -> list[ImportRow]:
    """The rows with these ids, as far as there are any, oldest first."""
    return await rows.many(
        session, ImportRow,
        f"SELECT {COLUMNS} FROM imports WHERE import_id = ANY(:ids) ORDER BY import_id",
        ids=list(import_ids),
    )  # fmt: skip


async def find_import(session: AsyncSession, import_id: int) -> ImportDetail | None:
    """One file with its rejected rows grouped by reason."""
    return await rows.one(
        session,
        ImportDetail,
        f"SELECT {COLUMNS}, sha256, duplicate_of, stored_path, notes, effects,"
        " questions, answers, undo, NULLIF(correction, '{}') AS correction,"
        " (SELECT coalesce(json_agg(g), '[]') FROM (SELECT reason, column_name, count(*) AS rows,"
        "   min(line) AS first_line, min(value) AS example FROM import_rejects"
        "   WHERE import_id = :import_id GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 100) g)"
        " AS reject_groups FROM imports WHERE import_id = :import_id",
        import_id=import_id,
    )


async def reject_page(
    session: AsyncSession, import_id: int, page: Page, group: RejectGroup | None = None
) -> list[RejectRow]:
    """One page of a file's rejected rows, by line; of one group of them when it is given."""
    chosen, values = "", {}
    if group:
        chosen = " AND reason = :reason AND column_name IS NOT DISTINCT FROM :column_name"
        values = {"reason": group.reason, "column_name": group.column_name}
    return await rows.many(
        session,
        RejectRow,
        "SELECT outcome, line, column_name, value, reason, message, raw FROM import_rejects"
        f" WHERE import_id = :import_id{chosen}"
        " ORDER BY line, reject_id LIMIT :size OFFSET :skip",
        import_id=import_id,
        **page.window,
        **values,
    )


async def reject_groups(session: AsyncSession, import_id: int) -> list[RejectGroup]:
    """Why rows of a file did not load, the commonest reason first."""
    found = await find_import(session, import_id)
    return found.reject_groups if found else []
