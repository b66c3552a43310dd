"""`GET /export/segments/{name}`: a segment as a file, or how it changed."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from litestar import Request, get
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.exports.queries import count_exported, customers_query
from gateway.kit.audited import Export, audited
from gateway.kit.dependencies import ActorDep, SessionDep, SessionsDep, SettingsDep, SnapshotDep
from gateway.kit.guide import slug
from gateway.kit.problems import NotAcceptableError
from gateway.kit.responses import CSV, JSON, csv_lines, csv_text, encode
from gateway.kit.schemas import MOMENT, Snapshot
from gateway.kit.snapshots import definition_change, hold, snapshot_before, snapshot_since
from gateway.kit.streams import Produce, Write, begun, copy_rows, download, spooled
from gateway.migrations.change_schemas import Change, Changes
from gateway.migrations.changes import change, count_moves, moves, standings
from gateway.segments.queries import find_segment
from rfm_common.audit import Action
from rfm_common.db import Sessions
from rfm_common.errors import InvalidInputError, NotFoundError, UnavailableError
from rfm_common.settings import Settings

Mode = Literal["full", "changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is exported: `subject` in words, and how it gets written."""

    subject: str
    name: str
    rows: int
    produce: Produce
    media_type: str = CSV
    snapshots: tuple[Snapshot, ...]
    outlook: Literal["ready", "computing"] | None = None
    """Whether what customers are expected to buy is in it; None where it never is."""


@get(
    ["/export/segments/{name:str}", "/export/segments/{name:str}/customers.csv"],
    summary="A segment as a file, or its changes",
    tags=["Exports"],
    responses={200: ResponseSpec(Changes, generate_examples=False, description="With `Accept`")},
)
async def export_segment(
    request: Request[Any, Any, Any],
    session: SessionDep,
    sessions: SessionsDep,
    settings: SettingsDep,
    actor: ActorDep,
    snapshot: SnapshotDep,
    name: FromPath[str],
    mode: Annotated[
        Mode | None,
        QueryParameter(description="`full` without `since`, else `changes`"),
    ] = None,
    since: Annotated[
        str | None,
        QueryParameter(
            description="Changes since the newest snapshot at or before this date (its end) or"
            " date-time; without it, since the snapshot before",
            max_length=40,
            schema_extra={"pattern": MOMENT},
        ),
    ] = None,
) -> Stream:
    """All customers of a segment, or with `all` of the whole snapshot, streamed as CSV.

    `mode=changes` lists who came to the segment or left it instead: from, to, cause, and the
    money before and after; as JSON with `Accept: application/json`.

    What customers are expected to buy is in the last columns. In the seconds after a run before it
    is computed all of these are empty: the header `X-Outlook` is then `computing`, else `ready`,
    and the file's name ends in `-without-outlook`.

    The header `X-Row-Count` says how many rows follow the header line. An export that cannot
    be finished is cut off (the chunked body does not end), never passed off as complete.
    Text cells that a spreadsheet would run as a formula begin with a quote.
    """
    if mode == "full" and since:
        raise InvalidInputError("since goes with mode=changes", field="since")
    if mode == "changes" or since:
        before = await _before(session, settings, snapshot, since)
        content = await _changes(request, session, sessions, before, snapshot, name)
    else:
        content = await _customers(session, sessions, snapshot, name)
    _check_accepted(request, content)
    export = _export(actor, content)
    body = await audited(
        sessions, export, spooled(settings.spool_dir, content.produce, content.rows)
    )
    return Stream(await begun(body), media_type=content.media_type, headers=_headers(content))


def _check_accepted(request: Request[Any, Any, Any], content: Content) -> None:
    if "accept" in request.headers and not request.accept.accepts(content.media_type):
        raise NotAcceptableError(
            f"Accept: this export is {content.media_type}", field="Accept",
            available=[content.media_type],
        )  # fmt: skip


async def _before(
    session: AsyncSession, settings: Settings, after: Snapshot, since: str | None
) -> Snapshot:
    if since:
        return await snapshot_since(session, settings, since, after)
    return await snapshot_before(session, settings, after)


def _export(actor: str, content: Content) -> Export:
    detail = {"run_id": content.snapshots[-1].run_id}
    if len(content.snapshots) > 1:
        detail["since_run_id"] = content.snapshots[0].run_id
    action: Action = "export.changes" if len(content.snapshots) > 1 else "export.segment"
    return Export(
        actor=actor, action=action, subject=content.subject, rows=content.rows, detail=detail
    )


def _headers(content: Content) -> dict[str, str]:
    dates = "-".join(shown.calc_date.date().isoformat() for shown in content.snapshots)
    suffix = "json" if content.media_type == JSON else "csv"
    told = {"X-Outlook": content.outlook} if content.outlook else {}
    lacking = "-without-outlook" if content.outlook == "computing" else ""
    name = f"{content.name}-{dates}{lacking}"
    return download(name, content.rows, suffix) | told | {"Vary": "Accept"}


async def _customers(
    session: AsyncSession, sessions: Sessions, snapshot: Snapshot, asked: str
) -> Content:
    segment_name, _ = await find_segment(session, snapshot, asked, everybody=True)

    async def produce(write: Write) -> int:
        async with sessions() as reading:
            await _keep(reading, snapshot)
            return await copy_rows(reading, customers_query(snapshot, segment_name), write)

    return Content(
        subject=segment_name,
        name=slug(segment_name),
        rows=await count_exported(session, snapshot, segment_name),
        produce=produce,
        snapshots=(snapshot,),
        outlook="ready" if snapshot.has_outlook else "computing",
    )


async def _keep(session: AsyncSession, *snapshots: Snapshot) -> None:
    for snapshot in snapshots:
        if not await hold(session, snapshot):
            raise UnavailableError("the snapshot was replaced before the export began")


async def _changes(
    request: Request[Any, Any, Any],
    session: AsyncSession,
    sessions: Sessions,
    before: Snapshot,
    after: Snapshot,
    asked: str,
) -> Content:
    segment_name = await _segment_of_either(session, before, after, asked)
    total = await count_moves(session, before, after, segment_name)
    head = Changes(
        segment_name=segment_name, from_date=before.calc_date, to_date=after.calc_date,
        definition_change=await definition_change(session, before.run_id, after.run_id),
        total=total, changes=[],
    )  # fmt: skip
    as_json = request.accept.best_match([CSV, JSON]) == JSON

    async def produce(write: Write) -> int:
        async with sessions() as reading:
            await _keep(reading, before, after)
            found = _batches(reading, before, after, segment_name)
            return await (_write_json(found, head, write) if as_json else _write_csv(found, write))

    return Content(
        subject=segment_name,
        name=f"{slug(segment_name)}-changes",
        rows=total,
        produce=produce,
        media_type=JSON if as_json else CSV,
        snapshots=(before, after),
    )


async def _segment_of_either(
    session: AsyncSession, before: Snapshot, after: Snapshot, asked: str
) -> str:
    """The segment's exact name; it may be gone by now."""
    try:
        return (await find_segment(session, after, asked, everybody=True))[0]
    except NotFoundError as error:
        try:
            return (await find_segment(session, before, asked))[0]
        except NotFoundError:
            raise error from None


async def _batches(
    session: AsyncSession, before: Snapshot, after: Snapshot, segment_name: str
) -> AsyncGenerator[list[Change]]:
    async for batch in moves(session, standings(before), after, segment_name):
        yield [change(move) for move in batch]


async def _write_csv(batches: AsyncGenerator[list[Change]], write: Write) -> int:
    written = 0
    await write(csv_text(Change, []).encode())
    async for batch in batches:
        await write(csv_lines(batch).encode())
        written += len(batch)
    return written


async def _write_json(batches: AsyncGenerator[list[Change]], head: Changes, write: Write) -> int:
    written = 0
    await write(encode(head).removesuffix(b"]}"))
    async for batch in batches:
        lines = b",\n".join(encode(one) for one in batch)
        await write((b",\n" if written else b"\n") + lines)
        written += len(batch)
    await write(b"\n]}\n")
    return written
