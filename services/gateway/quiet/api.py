"""Customers of value who are going quiet."""

from decimal import Decimal
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.kit.dependencies import PageDep, SessionDep, SnapshotDep
from gateway.kit.responses import answer, wants_csv
from gateway.kit.rows import Page
from gateway.quiet.queries import find_slipping, quiet_page
from gateway.quiet.schemas import QuietList, QuietRow

EVERYBODY = Page(1, 10_000_000)


@get(
    ["/going-quiet", "/going-quiet.csv"],
    summary="Customers of value who are going quiet",
    tags=["Customers"],
)
async def going_quiet(
    request: Request[Any, Any, Any],
    session: SessionDep,
    snapshot: SnapshotDep,
    paging: PageDep,
    country: Annotated[str | None, QueryParameter(max_length=100)] = None,
) -> Response[QuietList]:
    """Whoever stays away with the largest loss first, once it is computed, and the shop's past has
    shown that such figures rank customers best (`/values/trust`); else whoever spent most.

    They came back at least once and were in the best two fifths by frequency and money in the
    window that ended with their last order; now they are in the worst two fifths by recency, or
    have no order in the window but one in the window before it. As CSV all of them, unless
    `page_size` is given.
    """
    if wants_csv(request) and "page_size" not in request.query_params:
        paging = EVERYBODY
    by_loss = snapshot.has_outlook and snapshot.ranks_by_value
    found = await quiet_page(session, snapshot, paging, country or None, by_loss=by_loss)
    slipping = await find_slipping(session, snapshot.run_id, country or None)
    body = QuietList(
        calc_date=snapshot.calc_date, window_days=snapshot.window_days,
        base_currency=snapshot.base_currency, page=paging.number, page_size=paging.size,
        total=slipping.customers if slipping else 0,
        monetary_before=slipping.monetary if slipping else Decimal(0),
        ranked_by="expected_loss_90" if by_loss else "monetary_before",
        customers=found,
    )  # fmt: skip
    return answer(request, body, found, QuietRow, snapshot)
