"""The ledger of dropped files: `GET /imports`, one file, its rejected rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import (
    Example,
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
from gateway.imports.batch import MOST_FILES
from gateway.imports.bodies import FORM, JSON, SUFFIXES, Upload, received
from gateway.imports.schemas import ImportDetail, ImportList, ImportRow, UploadAnswer
from gateway.imports.uploads import publish
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
from gateway.kit.prefer import PreferHeader, applied, key_header, until, wait_seconds
from gateway.kit.problems import refusal
from gateway.kit.responses import ExactResponse, answer
from gateway.kit.streams import Write, begun, copy_rows, download, spooled
from rfm_common.db import Sessions
from rfm_common.errors import GoneError, existing
from rfm_common.models import ImportState, Kind

BINARY = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
TEXT = Schema(type=OpenAPIType.STRING)
ROWS = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.OBJECT))


@dataclass
class FilesAsBody(Operation):
    """The body is read as it comes, so no parameter tells of it."""

    def __post_init__(self) -> None:
        files = Schema(type=OpenAPIType.ARRAY, items=BINARY)
        form = Schema(type=OpenAPIType.OBJECT, required=["file"], properties={"file": files})
        tables = Schema(
            type=OpenAPIType.OBJECT, properties={kind.value: ROWS for kind in Kind},
            additional_properties=False,
        )  # fmt: skip
        known = {
            FORM: form,
            JSON: tables,  # a plain list, too; generated clients stumble over a choice of both
            **dict.fromkeys(SUFFIXES.keys() - {JSON}, BINARY),
        }
        content = {kind: OpenAPIMediaType(schema=schema) for kind, schema in known.items()}
        self.request_body = RequestBody(content=content, required=True)


@get(["/imports", "/imports.csv"], summary="The ledger of dropped files", tags=["Imports"])
async def imports(
    request: Request[Any, Any, Any],
    session: SessionDep,
    paging: PageDep,
    import_state: Annotated[ImportState | None, QueryParameter(name="state")] = None,
    import_id: Annotated[
        list[int] | None, QueryParameter(description="Only these", max_items=MOST_FILES)
    ] = None,
) -> Response[ImportList]:
    """One page, newest first; every file that was seen has one row and one state."""
    wanted = queries.Wanted(import_state, import_id)
    found = await queries.import_page(session, paging, wanted)
    body = ImportList(
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_imports(session, wanted),
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
        await begun(await audited(sessions, export, content)),
        media_type="text/csv",
        headers=download(f"{found.file_name}-rejects"),
    )


@post(
    "/imports",
    summary="Upload files, or push rows",
    tags=["Imports"],
    status_code=202,
    media_type="application/json",
    request_max_body_size=None,
    responses={
        200: ResponseSpec(UploadAnswer, generate_examples=False, description="All ended in time"),
        409: refusal("The key means other files"),
        415: refusal("A type of body that is not known"),
        507: refusal("The disk is full"),
    },
    operation_class=FilesAsBody,
)
async def upload(
    request: Request[Any, Any, State],
    settings: SettingsDep,
    sessions: SessionsDep,
    actor: ActorDep,
    file_name: Annotated[
        str | None,
        QueryParameter(
            min_length=1,
            max_length=255,
            description="What a whole body is called in the ledger",
            examples=[Example(value="till.csv")],
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        key_header("The same key with the same files returns the same imports, for 24 hours"),
    ] = None,
    prefer: PreferHeader = None,
) -> Response[UploadAnswer]:
    """Put files into the watched folder, all of them or none, as multipart/form-data; or one file
    as the whole body, with its type; or rows as JSON.

    JSON is a list of rows, or an object with such a list for `customers`, `orders` or
    `exchange_rates`; NDJSON is a row a line. They are read as files are. `Location` leads to the
    import, of several to a list of them. 202 as soon as they are in the folder; with
    `Prefer: wait=N` 200 when each has ended in time, or waits for a decision. Only a plain name is
    made of what the client calls a file; a name that is taken gets a number.
    """  # fmt: skip
    async with received(Upload.of(request, file_name), settings.input_dir) as batch:
        ids = await publish(sessions, batch, actor, idempotency_key)
    seconds = wait_seconds(prefer)
    ended = await until(partial(_ended, sessions, ids), seconds, request.app.state.closing)
    found = ended or await _rows(sessions, ids)
    headers = {"Location": location(ids), **applied(seconds)}
    return ExactResponse(
        UploadAnswer.about(found), status_code=200 if ended else 202, headers=headers
    )


def location(ids: Sequence[int]) -> str:
    """Where to ask what has become of these imports."""
    if len(ids) == 1:
        return f"/imports/{ids[0]}"
    return "/imports?" + urlencode([("import_id", number) for number in ids])


async def _rows(sessions: Sessions, ids: Sequence[int]) -> list[ImportRow]:
    async with sessions() as session:
        return await queries.imports_of(session, ids)


async def _ended(sessions: Sessions, ids: Sequence[int]) -> list[ImportRow] | None:
    """The imports, when none is read any more."""
    found = await _rows(sessions, ids)
    is_open = any(row.state is ImportState.READING for row in found)
    return None if is_open else found
