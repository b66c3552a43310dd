"""Deciding about files that wait, and the profiles that remember it."""

from typing import Any

from litestar import Request, Response, delete, get, patch, post
from litestar.params import JSONBody

from gateway.imports import decision_queries as queries
from gateway.imports.decision_schemas import (
    Decision,
    Preview,
    ProfileChange,
    ProfileList,
    ProfileRow,
)
from gateway.imports.profile_rules import as_mapping
from gateway.imports.queries import find_import
from gateway.imports.schemas import ImportDetail
from gateway.kit.dependencies import ActorDep, RedisDep, RowId, SessionDep, SessionsDep
from gateway.kit.problems import refusal
from gateway.kit.responses import ExactResponse
from gateway.runs.requests import ring
from rfm_common import decisions
from rfm_common.errors import existing
from rfm_common.models import FileProfile


@post(
    "/imports/{import_id:int}/decision", summary="Decide about a file that waits",
    tags=["Imports"], status_code=202,
    responses={409: refusal("It does not wait for a decision")},
)  # fmt: skip
async def decision(
    request: Request[Any, Any, Any], session: SessionDep, sessions: SessionsDep, redis: RedisDep,
    actor: ActorDep, import_id: RowId, data: JSONBody[Decision],
) -> Response[ImportDetail]:  # fmt: skip
    """Answer every question, or refuse the file; ingest then reads it, or puts it away.

    409 when the import does not wait. It may wait again when the answers raise a new question.
    """
    del data  # described by it, read strictly
    body = Decision.strictly(await request.body())
    async with sessions() as writing, writing.begin():
        await decisions.decide(writing, import_id, body.answers, actor, remember=body.remember)
    await ring(sessions, redis)
    found = existing(await find_import(session, import_id), f"import {import_id}", "import_id")
    return ExactResponse(found, status_code=202, headers={"Location": f"/imports/{import_id}"})


@get(
    "/imports/{import_id:int}/preview", summary="The first rows of a file that waits",
    tags=["Imports"],
)  # fmt: skip
async def preview(session: SessionDep, import_id: RowId) -> Preview:
    """The rows as they stand and as they would be read, for each way to answer."""
    found = await queries.find_preview(session, import_id)
    return existing(found, f"import {import_id}", "import_id")


@get("/profiles", summary="How files of known headers are read", tags=["Imports"])
async def profiles(session: SessionDep) -> ProfileList:
    """What people decided and what files proved, by header."""
    return ProfileList(profiles=await queries.list_profiles(session))


@get("/profiles/{profile_id:int}", summary="One profile", tags=["Imports"])
async def one_profile(session: SessionDep, profile_id: RowId) -> ProfileRow:
    """Its header, its answers, and how often it was used."""
    found = await queries.find_profile(session, profile_id)
    return existing(found, f"profile {profile_id}", "profile_id")


@patch("/profiles/{profile_id:int}", summary="Rename a profile or answer anew", tags=["Imports"])
async def change_profile(
    request: Request[Any, Any, Any], sessions: SessionsDep, profile_id: RowId,
    data: JSONBody[ProfileChange],
) -> ProfileRow:  # fmt: skip
    """For files to come; those that were loaded stay as they are."""
    del data  # described by it, read strictly
    body = ProfileChange.strictly(await request.body())
    async with sessions() as session, session.begin():
        changed = await decisions.change_profile(session, profile_id, body.name, body.answers)
    return _row(changed)


def _row(profile: FileProfile) -> ProfileRow:
    values = profile.model_dump(include=set(ProfileRow.__struct_fields__))
    return ProfileRow(**values)


@delete("/profiles/{profile_id:int}", summary="Forget a profile", tags=["Imports"], status_code=204)
async def remove_profile(sessions: SessionsDep, profile_id: RowId) -> None:
    """Files of its header ask again."""
    async with sessions() as session, session.begin():
        await decisions.remove_profile(session, profile_id)


@get(
    "/profiles/{profile_id:int}/mapping.toml", summary="A profile as a mapping.toml",
    tags=["Imports"], media_type="application/toml",
)  # fmt: skip
async def mapping(session: SessionDep, profile_id: RowId) -> Response[str]:
    """To be put into the watched folder of another installation."""
    found = await queries.find_profile(session, profile_id)
    profile = existing(found, f"profile {profile_id}", "profile_id")
    text = as_mapping(profile, await queries.find_rule(session, profile_id) or {})
    headers = {"Content-Disposition": 'attachment; filename="mapping.toml"'}
    return Response(text, media_type="application/toml", headers=headers)


ROUTES = [
    decision, preview, profiles, one_profile, change_profile, remove_profile, mapping,
]  # fmt: skip
