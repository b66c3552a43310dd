"""Deciding about a file that waits: the words that questions and answers share, and the decision.

Ingest asks and carries out; whoever answers writes the answers here. From the commit on the file
is on its way again: a kill of any process only means that ingest finds it the next time it looks.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.errors import ConflictError, InvalidInputError, existing
from rfm_common.models import FileProfile, Import, ImportState

REJECTS = "rejects"
"""The question about a file of which many rows have a problem."""
LOAD_GOOD = "load_good"
REFUSE = "refuse"
"""The choices of that question."""

FILE = "file"
"""An answer that every file takes: `refuse` puts it into quarantine, whatever was asked."""

OF_ONE_FILE = (REJECTS, FILE)
"""Answers that say nothing about other files of the header; they are never remembered."""

Questions = Iterable[Mapping[str, Any]]


def declines(answers: Mapping[str, str]) -> bool:
    """Whether somebody decided that the file is not to be loaded."""
    return REFUSE in (answers.get(FILE), answers.get(REJECTS))


async def decide(
    session: AsyncSession, import_id: int, answers: Mapping[str, str], actor: str, *, remember: bool
) -> Import:
    """Answer what a file leaves open; with `remember` for files of its header to come, too.

    Raises NotFoundError, ConflictError when the file does not wait, and InvalidInputError for an
    answer that is missing or is none of the choices.
    """
    found = await session.get(Import, import_id, with_for_update=True)
    row = existing(found, f"import {import_id}", "import_id")
    if row.state is not ImportState.NEEDS_DECISION:
        raise ConflictError(
            f"import {import_id} does not wait for a decision: it is {row.state}",
            import_id=import_id,
        )
    if not declines(answers):
        check_answers(row.questions, answers)
    row.answers = row.answers | dict(answers)
    row.state = ImportState.READING
    session.add(row)
    if remember and not declines(answers):
        await _remember(session, row)
    audit.record(session, actor, "import.decide", f"import {import_id}")
    return row


def check_answers(questions: Questions, answers: Mapping[str, str]) -> None:
    """Raises InvalidInputError unless each question, and nothing else, has one of its choices."""
    asked = {str(question["about"]): allowed_values(question) for question in questions}
    for about, value in answers.items():
        if about not in asked:
            raise InvalidInputError(
                f"nothing is asked about {about!r}, only about {', '.join(asked)}",
                field=f"answers.{about}", allowed=list(asked),
            )  # fmt: skip
        check_choice(about, value, asked[about])
    if missing := [about for about in asked if about not in answers]:
        raise InvalidInputError(
            f"{missing[0]} has no answer: {', '.join(asked[missing[0]])}",
            field=f"answers.{missing[0]}", allowed=asked[missing[0]],
        )  # fmt: skip


def allowed_values(question: Mapping[str, Any]) -> list[str]:
    """The values of a question's choices."""
    return [str(choice["value"]) for choice in question["choices"]]


def check_choice(about: str, value: str, allowed: list[str]) -> None:
    """Raises InvalidInputError, which names the choices."""
    if value not in allowed:
        raise InvalidInputError(
            f"{value!r} does not answer {about}: choose one of {', '.join(allowed)}",
            field=f"answers.{about}", allowed=allowed,
        )  # fmt: skip


async def _remember(session: AsyncSession, row: Import) -> None:
    kept = {about: value for about, value in row.answers.items() if about not in OF_ONE_FILE}
    if kept:
        await remember_for_header(session, row, kept, row.questions, row.preview)


async def remember_for_header(
    session: AsyncSession, row: Import, answers: Mapping[str, str], questions: Questions,
    read: Mapping[str, Any],
) -> None:  # fmt: skip
    """Keep answers for files of the import's header, and let those that wait be read with them.

    `read` has the `headers` and the `mapping` of the file.
    """
    if row.fingerprint is None or row.kind is None:
        return
    found = await session.exec(
        select(FileProfile).where(FileProfile.fingerprint == row.fingerprint).with_for_update()
    )
    profile = found.first() or FileProfile(
        name=row.file_name, fingerprint=row.fingerprint, kind=row.kind,
        headers=read.get("headers", []), created_at=datetime.now(UTC),
    )  # fmt: skip
    profile.answers = profile.answers | dict(answers)
    profile.mapping = read.get("mapping", profile.mapping)
    profile.questions = _merged(profile.questions, questions)
    profile.import_id = row.import_id
    session.add(profile)
    await release(session, row.fingerprint)


def _merged(known: Questions, asked: Questions) -> list[dict[str, Any]]:
    """Questions by their key, the newer one for each, without what was found in one file."""
    by_key = {
        question["about"]: {name: question[name] for name in ("about", "text", "choices")}
        for question in (*known, *asked)
        if question["about"] not in OF_ONE_FILE
    }
    return list(by_key.values())


async def release(session: AsyncSession, fingerprint: str | None = None) -> None:
    """Let files that wait, of this header or of all, be read anew: they may ask nothing now."""
    waiting = select(Import).where(Import.state == ImportState.NEEDS_DECISION)
    if fingerprint:
        waiting = waiting.where(Import.fingerprint == fingerprint)
    for row in (await session.exec(waiting)).all():
        about = {question["about"] for question in row.questions}
        if not fingerprint or about != {REJECTS}:  # which no profile answers
            row.state = ImportState.READING
            session.add(row)


async def existing_profile(session: AsyncSession, profile_id: int) -> FileProfile:
    """Lock it; raises NotFoundError."""
    found = await session.get(FileProfile, profile_id, with_for_update=True)
    return existing(found, f"profile {profile_id}", "profile_id")


async def change_profile(
    session: AsyncSession, profile_id: int, name: str | None, answers: Mapping[str, str] | None
) -> FileProfile:
    """Rename it, or answer its questions anew; files that were loaded stay as they are."""
    profile = await existing_profile(session, profile_id)
    if answers is not None:
        check_answers(profile.questions, answers)
        profile.answers = dict(answers)
    profile.name = name or profile.name
    session.add(profile)
    return profile


async def remove_profile(session: AsyncSession, profile_id: int) -> None:
    """Forget it: files of its header ask again."""
    await session.delete(await existing_profile(session, profile_id))
