"""Changing what an import did: undoing it, letting its file ask again, other statuses."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.imports.decision_schemas import OtherStatuses
from gateway.imports.queries import find_import
from gateway.imports.schemas import ImportDetail, UndoOutlook
from gateway.kit.dependencies import ActorDep, RedisDep, RowId, SessionDep, SessionsDep
from gateway.kit.problems import refusal
from gateway.kit.responses import ExactResponse
from gateway.runs.requests import ring
from rfm_common.corrections import ask_correction
from rfm_common.errors import existing
from rfm_common.models import Undo
from rfm_common.undo import ask_undo, look_ahead

NOT_LOADED = {409: refusal("Its rows are not in the tables")}


@get(
    "/imports/{import_id:int}/undo", summary="What undoing an import would change",
    tags=["Imports"], responses=NOT_LOADED,
)  # fmt: skip
async def undo_outlook(session: SessionDep, import_id: RowId) -> UndoOutlook:
    """Rows that would go, or get the value that another file has for them."""
    ahead = await look_ahead(session, import_id)
    return UndoOutlook(rows=ahead.rows, files=ahead.files, missing=ahead.missing)


@post(
    "/imports/{import_id:int}/undo", summary="Undo an import", tags=["Imports"], status_code=202,
    responses=NOT_LOADED,
)  # fmt: skip
async def undo_import(
    session: SessionDep, sessions: SessionsDep, redis: RedisDep, actor: ActorDep,
    import_id: RowId,
    force: Annotated[bool, QueryParameter(
        description="Even if a file that is needed to restore rows is gone")] = False,
) -> Response[ImportDetail]:  # fmt: skip
    """Take back what a file brought, as if it had never come; the same bytes load again then.

    Ingest does it in one transaction: `undo` is null again once it is done (`state` is `undone`)
    or was refused (`message` says why). Scores follow by themselves.
    """
    async with sessions() as writing, writing.begin():
        await ask_undo(writing, import_id, actor, Undo.FORCED if force else Undo.ASKED)
    await ring(sessions, redis)
    return await _accepted(session, import_id)


@post(
    "/imports/{import_id:int}/read-again", summary="Undo an import and decide anew",
    tags=["Imports"], status_code=202, responses=NOT_LOADED,
)  # fmt: skip
async def read_again(
    session: SessionDep, sessions: SessionsDep, redis: RedisDep, actor: ActorDep,
    import_id: RowId,
) -> Response[ImportDetail]:  # fmt: skip
    """Undo it, and let its file ask again what was decided about it, whatever profiles answer.

    409 when nothing was decided about the file, or it is gone. Answer as of any file that waits.
    """
    async with sessions() as writing, writing.begin():
        await ask_undo(writing, import_id, actor, Undo.READ_AGAIN)
    await ring(sessions, redis)
    return await _accepted(session, import_id)


@post(
    "/imports/{import_id:int}/statuses", summary="Change what statuses of a loaded file mean",
    tags=["Imports"], status_code=202, responses=NOT_LOADED,
)  # fmt: skip
async def change_statuses(
    request: Request[Any, Any, Any], session: SessionDep, sessions: SessionsDep, redis: RedisDep,
    actor: ActorDep, import_id: RowId, data: JSONBody[OtherStatuses],
) -> Response[ImportDetail]:  # fmt: skip
    """Read its file again with these meanings, in its place: what later imports say stays.

    Ingest does it in one transaction: `correction` is null again once it is done (`notes.told`
    says so) or was refused (`message` says why). Scores follow by themselves.
    """
    del data  # described by it, read strictly
    body = OtherStatuses.strictly(await request.body())
    async with sessions() as writing, writing.begin():
        await ask_correction(writing, import_id, body.answers, actor, remember=body.remember)
    await ring(sessions, redis)
    return await _accepted(session, import_id)


async def _accepted(session: AsyncSession, import_id: int) -> Response[ImportDetail]:
    found = existing(await find_import(session, import_id), f"import {import_id}", "import_id")
    return ExactResponse(found, status_code=202, headers={"Location": f"/imports/{import_id}"})


ROUTES = [undo_outlook, undo_import, read_again, change_statuses]
