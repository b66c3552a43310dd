"""The ledger of dropped files: `GET /imports`, one file, its rejected rows."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import QueryParameter
from litestar.response import Stream
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exports.queries import rejects_query
from gateway.imports import queries
from gateway.imports.schemas import ImportDetail, ImportList, ImportRow, UploadAnswer
from gateway.imports.uploads import receive
from gateway.kit.audited import Export, audited
from gateway.kit.dependencies import (
    ActorDep,
    MayExportDep,
    PageDep,
    RowId,
    SessionDep,
    SessionsDep,
    SettingsDep,
)
from gateway.kit.problems import refusal
from gateway.kit.responses import answer
from gateway.kit.streams import Write, copy_rows, download, spooled
from rfm_common.errors import GoneError, existing
from rfm_common.models import ImportState


@dataclass
class FilesAsBody(Operation):
    """The body is read as it comes, so no parameter tells of it."""

    def __post_init__(self) -> None:
        files = Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
        )
        form = Schema(type=OpenAPIType.OBJECT, required=["file"], properties={"file": files})
        content = {"multipart/form-data": OpenAPIMediaType(schema=form)}
        self.request_body = RequestBody(content=content, required=True)


@get(["/imports", "/imports.csv"], summary="The ledger of dropped files", tags=["Imports"])
async def imports(
    request: Request[Any, Any, Any],
    session: SessionDep,
    paging: PageDep,
    import_state: Annotated[ImportState | None, QueryParameter(name="state")] = None,
) -> Response[ImportList]:
    """One page, newest first; every file that was seen has one row and one state."""
    found = await queries.import_page(session, paging, import_state)
    body = ImportList(
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_imports(session, import_state),
        imports=found,
    )
    return answer(request, body, found, ImportRow)


async def _existing(session: AsyncSession, import_id: int) -> ImportDetail:
    found = await queries.find_import(session, import_id)
    return existing(found, f"import {import_id}", "import_id")


@get("/imports/{import_id:int}", summary="One dropped file", tags=["Imports"])
async def one_import(
    session: SessionDep, may_export: MayExportDep, import_id: RowId
) -> ImportDetail:
    """What was found out about it, and its rejected rows grouped by reason; each group with an
    example if the key has the scope `export`."""
    found = await _existing(session, import_id)
    return found if may_export else found.without_examples()


@get(
    "/imports/{import_id:int}/rejects.csv",
    summary="The rows that did not load",
    tags=["Imports"],
    media_type="text/csv",
    responses={410: refusal("Removed for its age")},
)
async def rejects(
    session: SessionDep,
    sessions: SessionsDep,
    settings: SettingsDep,
    actor: ActorDep,
    import_id: RowId,
) -> Stream:
    """By line: outcome, line, column, value, reason, message and the row as it stood in the file.

    Cells that a spreadsheet would run as a formula begin with a quote. 410 when the list is older
    than the setting RFM_REJECT_DAYS allows.
    """
    found = await _existing(session, import_id)
    if gone := found.notes.get("rejects_removed_at"):
        raise GoneError(f"the list of rejected rows was removed on {gone:.10} for its age")

    async def produce(write: Write) -> int:
        async with sessions() as reading:
            return await copy_rows(reading, rejects_query(import_id), write)

    content = spooled(settings.spool_dir, produce)
    export = Export(actor=actor, action="export.rejects", subject=f"import {import_id}", rows=None)
    return Stream(
        await audited(sessions, export, content),
        media_type="text/csv",
        headers=download(f"{found.file_name}-rejects"),
    )


@post(
    "/imports",
    summary="Upload files",
    tags=["Imports"],
    status_code=202,
    request_max_body_size=None,
    responses={507: refusal("The disk is full")},
    operation_class=FilesAsBody,
)
async def upload(request: Request[Any, Any, Any], settings: SettingsDep) -> UploadAnswer:
    """Put CSV files into the watched folder, as multipart/form-data, several at once.

    They are loaded like dropped files: follow `GET /imports` or the events. Only a plain name
    is made of what the client calls a file; a name that is taken gets a number.
    """
    content_type = request.headers.get("content-type", "")
    names = await receive(request.stream(), content_type, settings.input_dir)
    return UploadAnswer.of(names)
