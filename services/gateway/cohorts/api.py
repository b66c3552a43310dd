"""`GET /cohorts`: as JSON, as CSV, as a workbook."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from gateway.cohorts.figures import build_cohorts, flat
from gateway.cohorts.queries import counted_cells, find_state
from gateway.cohorts.schemas import CohortList, CohortRow
from gateway.cohorts.sheets import cohort_sheets
from gateway.kit.days import MONTH, parse_month
from gateway.kit.dependencies import SessionDep
from gateway.kit.responses import answer
from gateway.kit.streams import download
from gateway.kit.workbook import XLSX, workbook

Country = Annotated[
    str | None,
    QueryParameter(description="One of the 300 with the most customers", max_length=100),
]
Since = Annotated[
    str | None,
    QueryParameter(
        description="The first cohort to list, such as 2026-11", max_length=10,
        schema_extra={"pattern": MONTH},
    ),
]  # fmt: skip


async def _listed(session: SessionDep, country: str | None, since: str | None) -> CohortList:
    month, state = parse_month("since", since), await find_state(session)
    counted = await counted_cells(session, country or None, month) if state else []
    return CohortList(
        calc_date=state.calc_date if state else None,
        base_currency=state.base_currency if state else None,
        country=country or None,
        orders_left_out=sum(row.left_out for row in counted),
        cohorts=build_cohorts(counted, state) if state else [],
    )


@get(["/cohorts", "/cohorts.csv"], summary="Cohorts by month of the first order", tags=["Cohorts"])
async def cohorts(
    request: Request[Any, Any, Any], session: SessionDep, country: Country = None,
    since: Since = None,
) -> Response[CohortList]:  # fmt: skip
    """Who came back in each month since, how often, and what each customer has brought so far.

    Counted orders of all time up to the newest snapshot's date, by the shop's calendar. The
    customers of a cell are those of `/customers?first_order=2026-09&ordered_in=2026-11`. As CSV
    a line per cell.
    """
    body = await _listed(session, country, since)
    return answer(request, body, flat(body.cohorts), CohortRow)


@get(
    "/cohorts.xlsx", summary="Cohorts as a workbook", tags=["Cohorts"], media_type=XLSX,
    responses={200: ResponseSpec(bytes, generate_examples=False, media_type=XLSX)},
)  # fmt: skip
async def cohorts_workbook(
    session: SessionDep, country: Country = None, since: Since = None
) -> Response[bytes]:
    """A sheet for each figure: cohorts down, months since the first order across."""
    body = await _listed(session, country, since)
    name = f"cohorts {body.country}" if body.country else "cohorts"
    content = workbook(cohort_sheets(body.cohorts))
    return Response(content, media_type=XLSX, headers=download(name, suffix="xlsx"))
