"""Dropped files: the ledger with a drop zone, and one file with its rejected rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.imports import queries
from gateway.imports.bodies import Upload, received
from gateway.imports.decision_queries import find_preview
from gateway.imports.decision_schemas import Preview
from gateway.imports.effects import Hint, build_changes, build_hints
from gateway.imports.schemas import ImportDetail, ImportRow, RejectGroup, RejectRow
from gateway.imports.statuses_page import Statuses, build_statuses
from gateway.imports.uploads import publish
from gateway.imports.waiting import Waiting, build_waiting
from gateway.imports.words import describe, next_step, sentence
from gateway.kit.dependencies import (
    ActorDep,
    MayExportDep,
    RedisDep,
    SessionDep,
    SessionsDep,
    SettingsDep,
)
from gateway.kit.frame import FILES, Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.pager import Pager, asked_page, build_pager
from gateway.kit.render import answer
from gateway.kit.rows import LAST_ROW
from gateway.runs.requests import ring
from rfm_common.decisions import OF_ONE_FILE
from rfm_common.errors import NotFoundError
from rfm_common.models import LOADED, ImportState, Undo
from rfm_common.undo import Outlook, ask_undo, can_be_read_again, look_ahead

PAGE_SIZE = 50
PATH = "/dashboard/imports"


@dataclass(frozen=True, slots=True)
class ImportsPage:
    """The ledger."""

    template: ClassVar[str] = "imports.html"
    frame: Frame
    numbers: Numbers
    imports: list[ImportRow]
    pager: Pager
    input_dir: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ImportPage:
    """One file."""

    template: ClassVar[str] = "import.html"
    frame: Frame
    numbers: Numbers
    file: ImportDetail
    counts: list[tuple[str, int]]
    found: list[tuple[str, str]]
    changes: list[tuple[str, str]]
    hints: list[Hint]
    groups: list[tuple[RejectGroup, str]]
    group: RejectGroup | None
    rejects: list[RejectRow]
    shows_rows: bool
    """Whether who asks may see the rows of files."""
    pager: Pager
    input_dir: str
    told: list[str]
    waiting: Waiting | None
    can_remember: bool
    outlook: Outlook | None
    """Of an undo; None where there is nothing to undo, or it is on its way."""
    can_be_read_again: bool
    statuses: Statuses | None
    message: str
    next_step: tuple[str, str] | None


@get("/imports")
async def imports(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep, settings: SettingsDep
) -> Response[str]:
    """Every file that was seen, newest first."""
    page = asked_page(request, PAGE_SIZE)
    found = await queries.import_page(session, page)
    view = ImportsPage(
        frame=frame.of("Imports", "imports", FILES),
        numbers=frame.numbers,
        imports=found,
        pager=build_pager(PATH, page, len(found), await queries.count_imports(session)),
        input_dir=str(settings.input_dir),
        now=datetime.now(UTC),
    )
    return answer(view)


@post("/imports", request_max_body_size=None)
async def upload(
    request: Request[Any, Any, Any], settings: SettingsDep, sessions: SessionsDep, actor: ActorDep
) -> Redirect:
    """What the form sends without scripts; with them it talks to the API."""
    async with received(Upload.of(request), settings.input_dir) as batch:
        await publish(sessions, batch, actor)
    return Redirect(PATH, status_code=303)


@get("/imports/{import_id:int}")
async def one_import(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep, settings: SettingsDep,
    may_export: MayExportDep, import_id: FromPath[int],
) -> Response[str]:  # fmt: skip
    """What one file held, what it changed and which rows did not load."""
    file = await queries.find_import(session, import_id) if import_id <= LAST_ROW else None
    if file is None:
        raise NotFoundError(f"There is no import {import_id}.")
    page = asked_page(request, PAGE_SIZE)
    path = f"{PATH}/{import_id}"
    groups = {group_key(group): group for group in file.reject_groups}
    key = request.query_params.get("group") or ""
    if key and key not in groups:
        raise NotFoundError(f"No row of {file.file_name} was rejected for {key!r}.")
    chosen = groups.get(key)
    rejects = await queries.reject_page(session, import_id, page, chosen) if may_export else []
    listed = chosen.rows if chosen else sum(group.rows for group in file.reject_groups)
    view = ImportPage(
        frame=frame.of(file.file_name, "imports", FILES),
        numbers=frame.numbers,
        file=file,
        counts=build_counts(file),
        found=describe(file.notes, frame.numbers),
        changes=build_changes(file.effects, frame.numbers),
        hints=build_hints(file.effects, frame.numbers),
        groups=[(group, f"{path}?group={quote(name)}#rejects") for name, group in groups.items()],
        group=chosen,
        rejects=rejects,
        shows_rows=may_export,
        pager=build_pager(path, page, len(rejects), listed, group=key),
        input_dir=str(settings.input_dir),
        told=[sentence(str(item["text"])) for item in file.notes.get("told", ())],
        waiting=await _waiting(session, file, request.query_params, shows_rows=may_export),
        can_remember=any(item.about not in OF_ONE_FILE for item in file.questions),
        outlook=await _outlook(session, file),
        can_be_read_again=can_be_read_again(file.answers, file.stored_path),
        message=sentence(file.message) if file.message else "",
        next_step=next_step(file),
        statuses=build_statuses(file, settings.counted_statuses),
    )
    return answer(view)


async def _outlook(session: AsyncSession, file: ImportDetail) -> Outlook | None:
    if file.undo or file.state not in LOADED:
        return None
    return await look_ahead(session, file.import_id)


@post("/imports/{import_id:int}/undo")
async def undo(
    request: Request[Any, Any, Any], sessions: SessionsDep, redis: RedisDep, actor: ActorDep,
    import_id: FromPath[int],
) -> Redirect:  # fmt: skip
    """Take an import back, read it again if that button was pressed, and lead back to it."""
    form = await request.form()
    how = Undo.FORCED if "force" in form else Undo.ASKED
    how = Undo.READ_AGAIN if form.get("do") == "read_again" else how
    async with sessions() as session, session.begin():
        await ask_undo(session, import_id, actor, how)
    await ring(sessions, redis)
    return Redirect(f"{PATH}/{import_id}", status_code=303)


async def _waiting(
    session: AsyncSession, file: ImportDetail, chosen: Mapping[str, str], *, shows_rows: bool
) -> Waiting | None:
    if file.state is not ImportState.NEEDS_DECISION:
        return None
    preview = await find_preview(session, file.import_id) or Preview()
    return build_waiting(file.import_id, file.questions, preview, chosen, shows_rows=shows_rows)


def group_key(group: RejectGroup) -> str:
    """A group of rejected rows in an address."""
    return f"{group.reason}.{group.column_name}" if group.column_name else group.reason


def build_counts(file: ImportRow) -> list[tuple[str, int]]:
    """The rows of the file by what became of them; they add up to the first."""
    return [
        ("Rows", file.rows_total),
        ("New", file.rows_new),
        ("Updated", file.rows_updated),
        ("Unchanged", file.rows_unchanged),
        ("Replaced within the file", file.rows_superseded),
        ("Rejected", file.rows_rejected),
    ]
