"""Erasing a customer: `DELETE /customers/{id}`, and how far that is."""

from typing import Annotated

from litestar import Response, delete, get
from litestar.params import PathParameter, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.dependencies import (
    ActorDep,
    PageDep,
    RedisDep,
    RowId,
    SessionDep,
    SessionsDep,
    SettingsDep,
)
from gateway.kit.problems import refusal
from gateway.kit.responses import ExactResponse
from gateway.privacy import queries
from gateway.privacy.schemas import ErasureList, ErasureRow
from gateway.runs.requests import ring
from rfm_common.erasure import erase_now, lift
from rfm_common.errors import existing


@delete(
    "/customers/{customer_id:str}", summary="Erase a customer", tags=["Customers"], status_code=202
)
async def erase(
    session: SessionDep,
    sessions: SessionsDep,
    settings: SettingsDep,
    redis: RedisDep,
    actor: ActorDep,
    customer_id: Annotated[str, PathParameter(min_length=1, max_length=255)],
    unknown: Annotated[
        bool, QueryParameter(description="Also an id that is in no table: only files name it")
    ] = False,
) -> Response[ErasureRow]:
    """Remove a person from tables, kept files, lists of rejected rows, events and messages.

    202 with `Location`: the rows are gone, unless a long load is in the way; ingest goes through
    the files and then ends the erasure. No file brings the id or its e-mail addresses back. 404
    for an id that no customer has or had, unless it may be `unknown`.
    """
    erasure = await erase_now(sessions, settings, customer_id, actor, unknown=unknown)
    await ring(sessions, redis)
    erasure_id = erasure.erasure_id
    return ExactResponse(
        await _existing(session, erasure_id),
        status_code=202,
        headers={"Location": f"/erasures/{erasure_id}"},
    )


async def _existing(session: AsyncSession, erasure_id: int) -> ErasureRow:
    found = await queries.find_erasure(session, erasure_id)
    return existing(found, f"erasure {erasure_id}", "erasure_id")


@get("/erasures", summary="Erasures", tags=["Customers"])
async def erasures(session: SessionDep, paging: PageDep) -> ErasureList:
    """One page, newest first; whom they are about is forgotten when they end."""
    return ErasureList(
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_erasures(session),
        erasures=await queries.erasure_page(session, paging),
    )


@get("/erasures/{erasure_id:int}", summary="One erasure", tags=["Customers"])
async def one_erasure(session: SessionDep, erasure_id: RowId) -> ErasureRow:
    """How far it is, and what was removed."""
    return await _existing(session, erasure_id)


@delete(
    "/erasures/{erasure_id:int}", summary="Let an erased customer come back", tags=["Customers"],
    status_code=204, responses={409: refusal("It has not ended")},
)  # fmt: skip
async def lift_erasure(sessions: SessionsDep, actor: ActorDep, erasure_id: RowId) -> None:
    """Forget the hashes, so that files to come may bring the customer again; 409 before it ended.

    What was removed does not come back by itself.
    """
    async with sessions() as session, session.begin():
        await lift(session, erasure_id, actor)
