"""Changing what a status means in a file that is loaded: who asks, and what is allowed.

Whoever asks writes the wish on the import; ingest reads the file again in one transaction.
"""

from collections.abc import Mapping

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.counting import ABOUT_STATUS, STATUSES
from rfm_common.decisions import check_choice
from rfm_common.errors import ConflictError, InvalidInputError
from rfm_common.models import LOADED, Import, Undo
from rfm_common.undo import loaded_import


async def ask_correction(
    session: AsyncSession, import_id: int, answers: Mapping[str, str], actor: str, *, remember: bool
) -> None:
    """Let ingest read a file again with other meanings of its statuses, such as
    `{"status.paid": "pending"}`; with `remember` files of its header to come, too.

    Raises NotFoundError, ConflictError when the file is not loaded or cannot be read again, and
    InvalidInputError for a word that the file does not have or a meaning that does not exist.
    """
    row = loaded_import(await session.get(Import, import_id, with_for_update=True), import_id)
    if not can_be_corrected(row.undo, row.stored_path):
        why = "it is about to be undone" if row.undo else "its file is gone"
        raise ConflictError(f"import {import_id} cannot be read again: {why}", import_id=import_id)
    _check(row, answers)
    both = row.correction.get("answers", {}) | dict(answers)
    row.correction, row.message = {"answers": both, "remember": remember}, None
    session.add(row)
    audit.record(session, actor, "import.correct", f"import {import_id}", detail=dict(answers))


def can_be_corrected(undo: Undo | None, stored_path: str | None) -> bool:
    """Whether the file of a loaded import can be read again where it is."""
    return undo is None and stored_path is not None


def _check(row: Import, answers: Mapping[str, str]) -> None:
    allowed = [ABOUT_STATUS + str(item["word"]) for item in row.notes.get("statuses", ())]
    if not answers:
        raise InvalidInputError("name at least one status", field="answers", allowed=allowed)
    for about, meaning in answers.items():
        if about not in allowed:
            raise InvalidInputError(
                f"{about!r} is not a status in {row.file_name}",
                field=f"answers.{about}", allowed=allowed,
            )  # fmt: skip
        check_choice(about, meaning, list(STATUSES))


async def wished(session: AsyncSession) -> list[Import]:
    """Imports that wait for a correction; an undo goes before it."""
    found = await session.exec(
        select(Import).where(col(Import.correction) != {}).order_by(col(Import.import_id))
    )
    return [row for row in found.all() if row.state in LOADED and row.undo is None]
