"""`GET /events`: what happens, as it happens."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from gateway.kit.dependencies import ActorDep, RedisDep
from gateway.kit.problems import refusal

StreamId = r"^\d{1,19}(-\d{1,19})?$"


@get(
    "/events", summary="Live events", tags=["Operation"], media_type="text/event-stream",
    responses={429: refusal("Too many streams are open")},
)  # fmt: skip
async def events(
    request: Request[Any, Any, Any],
    redis: RedisDep,
    state: State,
    actor: ActorDep,
    last_event_id: Annotated[
        str | None,
        HeaderParameter(
            name="Last-Event-ID", pattern=StreamId, description="Resume after this event"
        ),
    ] = None,
    since: Annotated[
        str | None,
        QueryParameter(pattern=StreamId, description="Like Last-Event-ID, for a first connection"),
    ] = None,
) -> Stream:
    """Server-sent events, first `hello`, then as they happen, a comment every 15 seconds.

    `import-started`, `import-progress`, `import-finished`, `import-rejected`, `data-changed`,
    `run-queued`, `run-started`, `run-progress`, `run-finished`, `run-failed`, `forecast-finished`,
    `snapshot-deleted`: `data` is a JSON object of ids, counts and file names. `resync` means that
    events were missed: load anew.
    """
    address = request.client.host if request.client else ""
    caller = f"{actor} {address}"
    state.live.check_room(caller)
    return Stream(
        state.live.stream(redis, last_event_id or since, caller),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
