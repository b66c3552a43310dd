"""`GET /countries`: the segments of a snapshot, country by country."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.kit.dependencies import SessionDep, SnapshotDep
from gateway.kit.responses import answer
from gateway.segments.country_queries import country_rows
from gateway.segments.country_schemas import CountryList, CountryRow
from gateway.segments.queries import find_segment

Narrowed = Annotated[str | None, QueryParameter(max_length=100)]


@get(["/countries", "/countries.csv"], summary="Segments by country", tags=["Segments"])
async def countries(
    request: Request[Any, Any, Any],
    session: SessionDep,
    snapshot: SnapshotDep,
    country: Narrowed = None,
    segment: Narrowed = None,
) -> Response[CountryList]:
    """A row per country, segment and cluster, of the 300 countries with the most customers.

    `segment` is a name or slug. Runs of versions that did not count by country have no rows.
    """
    name = (await find_segment(session, snapshot, segment))[0] if segment else None
    found = await country_rows(session, snapshot, country, name)
    body = CountryList(calc_date=snapshot.calc_date, countries=found)
    return answer(request, body, found, CountryRow, snapshot)
