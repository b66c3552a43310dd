"""The statuses of a loaded file: what each was taken for, and buttons that change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.imports.schemas import ImportDetail
from gateway.kit.dependencies import ActorDep, RedisDep, SessionsDep
from gateway.runs.requests import ring
from rfm_common.corrections import ask_correction, can_be_corrected
from rfm_common.counting import (
    ABOUT_STATUS,
    CANCELLED,
    COMPLETED,
    PENDING,
    REFUNDED,
    STATUSES,
)
from rfm_common.models import LOADED

MEANINGS = (
    (COMPLETED, "Counts"), (CANCELLED, "Cancelled"), (REFUNDED, "Refunded"), (PENDING, "Not paid"),
)  # fmt: skip
"""What a status may mean, and how its button says so."""


@dataclass(frozen=True, slots=True)
class Word:
    """A status of the file; `meaning` is what it was taken for, or is about to be."""

    about: str
    text: str
    rows: int
    meaning: str
    counts: bool

    @property
    def is_known(self) -> bool:
        """Whether it means anything."""
        return self.meaning in STATUSES


@dataclass(frozen=True, slots=True)
class Statuses:
    """Those of a file."""

    words: list[Word]
    meanings: Sequence[tuple[str, str]]
    """Empty where a person cannot change them here."""
    by_setting: bool
    """Whether RFM_COUNTED_STATUSES decides what counts."""


def build_statuses(file: ImportDetail, listed: frozenset[str]) -> Statuses | None:
    """What the page shows of a file with statuses; `listed` are those that an operator counts."""
    found: Sequence[Mapping[str, Any]] = file.notes.get("statuses", ())
    if not found:
        return None
    asked = file.correction.answers if file.correction else {}
    is_open = not listed and file.state in LOADED and can_be_corrected(file.undo, file.stored_path)
    words = [_word(item, asked) for item in found]
    return Statuses(words, MEANINGS if is_open else (), bool(listed))


def _word(item: Mapping[str, Any], asked: Mapping[str, str]) -> Word:
    about = f"{ABOUT_STATUS}{item['word']}"
    meaning = asked.get(about)
    counts = item["is_counted"] if meaning is None else meaning == COMPLETED
    return Word(about, item["word"], item["rows"], meaning or item["status"], counts)


@post("/imports/{import_id:int}/statuses")
async def change_statuses(
    request: Request[Any, Any, Any], sessions: SessionsDep, redis: RedisDep, actor: ActorDep,
    import_id: FromPath[int],
) -> Redirect:  # fmt: skip
    """Let a status mean what its button says, and lead back to the file."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    answers = {name: value for name, value in form.items() if name.startswith(ABOUT_STATUS)}
    async with sessions() as session, session.begin():
        await ask_correction(session, import_id, answers, actor, remember="remember" in form)
    await ring(sessions, redis)
    return Redirect(f"/dashboard/imports/{import_id}#statuses", status_code=303)
