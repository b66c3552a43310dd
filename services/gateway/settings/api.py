"""`GET /settings` and `PATCH /settings`: the lasting settings."""

from typing import Any

import msgspec
from litestar import Request, get, patch
from litestar.datastructures import State
from litestar.params import JSONBody

from gateway.kit.dependencies import ActorDep, SessionDep, SessionsDep
from gateway.kit.problems import refusal
from gateway.kit.snapshots import pending_change
from gateway.settings.changing import change_settings, list_settings
from gateway.settings.schemas import SettingChange, SettingList, SettingsBody, SettingsChanged
from rfm_common.lasting_store import effective


@get("/settings", summary="List the lasting settings", tags=["Settings"])
async def settings_list(state: State, session: SessionDep) -> SettingList:
    """The window, k, time zone, currency and counted statuses in effect, and who set each.

    The environment takes precedence over what is stored with `PATCH /settings`.
    """
    return SettingList(
        settings=await list_settings(session, state.settings),
        pending=await pending_change(session, await effective(session, state.settings)),
    )


@patch(
    "/settings", summary="Change lasting settings", tags=["Settings"],
    responses={409: refusal("The environment sets it")},
)  # fmt: skip
async def change(
    request: Request[Any, Any, State], sessions: SessionsDep, actor: ActorDep,
    data: JSONBody[SettingsBody],
) -> SettingsChanged:  # fmt: skip
    """Store settings permanently (null: the default); no service needs a restart.

    Imports and runs that begin from now on use them. Scores stay as they are until the next run,
    which recalculates all of them; `POST /pipeline/run` does so at once. Each change gets an
    entry in the audit log.
    """
    body = SettingsBody.strictly(await request.body())
    wanted = {
        name: value
        for name in data.__struct_fields__
        if (value := getattr(body, name)) is not msgspec.UNSET
    }
    fixed = request.app.state.settings
    changes = await change_settings(sessions, request.app.state.current, fixed, wanted, actor)
    async with sessions() as session:
        return SettingsChanged(
            settings=await list_settings(session, fixed),
            pending=await pending_change(session, await effective(session, fixed)),
            changes=[SettingChange(**one._asdict()) for one in changes],
        )


ROUTES = [settings_list, change]
