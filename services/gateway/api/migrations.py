"""`GET /migrations`: who went from which segment to which."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.dependencies import SessionDep, SettingsDep
from gateway.queries import migrations as queries
from gateway.queries.snapshots import find_snapshot, snapshot_before
from gateway.responses import answer, refuse_unchanged
from gateway.schemas.migrations import Flow, Migrations


@get(["/migrations", "/migrations.csv"], summary="Flows between two dates", tags=["Segments"])
async def migrations(
    request: Request[Any, Any, Any],
    session: SessionDep,
    settings: SettingsDep,
    from_date: Annotated[
        str | None,
        QueryParameter(
            name="from", description="Without it: the snapshot before `to`", max_length=40
        ),
    ] = None,
    to_date: Annotated[
        str | None, QueryParameter(name="to", description="Without it: the newest", max_length=40)
    ] = None,
    movers: Annotated[
        int, QueryParameter(description="List this many customers who moved", ge=0, le=1000)
    ] = 0,
) -> Response[Migrations]:
    """Customers and money by segment on both dates; CSV has the flows only.

    Between a run and the one that it followed, each flow is told apart by its cause.
    """
    after = await find_snapshot(session, settings, to_date)
    before = (
        await find_snapshot(session, settings, from_date)
        if from_date
        else await snapshot_before(session, settings, after)
    )
    refuse_unchanged(request, after, before)
    found = await queries.flows(session, before, after)
    body = Migrations(
        from_date=before.calc_date,
        to_date=after.calc_date,
        flows=found,
        movers=await queries.movers(session, before, after, movers) if movers else None,
    )
    return answer(request, body, found, Flow, after, before)
