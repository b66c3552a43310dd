"""`GET /events`: what happens, as it happens."""

from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from gateway.kit.dependencies import RedisDep

StreamId = r"^\d{1,19}(-\d{1,19})?$"


@get("/events", summary="Live events", tags=["Operation"], media_type="text/event-stream")
async def events(
    redis: RedisDep,
    state: State,
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
    `run-queued`, `run-started`, `run-progress`, `run-finished`, `run-failed`, `snapshot-deleted`:
    `data` is a JSON object of ids, counts and file names. `resync` means that events were missed:
    load anew.
    """
    return Stream(
        state.live.stream(redis, last_event_id or since),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
