"""Customers: filtered lists, one in full, one's orders."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from gateway.dependencies import PageDep, SessionDep, SettingsDep, SnapshotDep
from gateway.queries import customers as queries
from gateway.queries.customers import CustomerFilter, CustomerRecord, SortKey
from gateway.queries.reasons import find_reason
from gateway.queries.rows import Page
from gateway.queries.segments import find_segment
from gateway.queries.snapshots import find_snapshot, latest_snapshot
from gateway.responses import answer
from gateway.schemas.customers import CustomerDetail, CustomerList, OrderList, OrderRow
from gateway.schemas.segments import CustomerRow
from rfm_common.errors import NotFoundError

Score = Annotated[int | None, QueryParameter(ge=1, le=5)]
NEWEST = Page(1, 100)


async def provide_narrowed(
    session: SessionDep,
    snapshot: SnapshotDep,
    segment: Annotated[
        str | None, QueryParameter(description="Name or slug", max_length=100)
    ] = None,
    cluster: Annotated[int | None, QueryParameter(ge=0, le=1000)] = None,
    country: Annotated[str | None, QueryParameter(max_length=100)] = None,
    r_score: Score = None,
    f_score: Score = None,
    m_score: Score = None,
    fm_score: Score = None,
    q: Annotated[
        str | None, QueryParameter(description="Part of the id or e-mail", max_length=200)
    ] = None,
) -> CustomerFilter:
    """The filters of the list, with the segment's exact name."""
    name = (await find_segment(session, snapshot, segment))[0] if segment else None
    return CustomerFilter(
        segment_name=name, cluster_id=cluster, country=country or None,
        r_score=r_score, f_score=f_score, m_score=m_score, fm_score=fm_score, q=q or None,
    )  # fmt: skip


@get(["/customers", "/customers.csv"], summary="Customers that pass filters", tags=["Customers"])
async def customers(
    request: Request[Any, Any, Any],
    session: SessionDep,
    snapshot: SnapshotDep,
    paging: PageDep,
    narrowed: NamedDependency[CustomerFilter],
    sort: Annotated[
        SortKey, QueryParameter(description="A leading minus sorts downwards")
    ] = "customer_id",
) -> Response[CustomerList]:
    """One page of a snapshot's customers; equal sort values are in order of id."""
    found = await queries.customer_page(session, snapshot, narrowed, sort, paging)
    body = CustomerList(
        calc_date=snapshot.calc_date,
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_customers(session, snapshot, narrowed),
        customers=found,
    )
    return answer(request, body, found, CustomerRow, snapshot)


async def provide_customer(session: SessionDep, customer_id: FromPath[str]) -> CustomerRecord:
    """The customer of the path; NotFoundError when there is none."""
    found = await queries.find_customer(session, customer_id)
    if found is None:
        raise NotFoundError(f"no customer {customer_id!r}", field="customer_id")
    return found


@get("/customers/{customer_id:str}", summary="One customer in full", tags=["Customers"])
async def customer(
    session: SessionDep,
    settings: SettingsDep,
    customer: NamedDependency[CustomerRecord],
) -> CustomerDetail:
    """Scores and segment in the newest snapshot that has the customer, history and orders."""
    customer_id = customer.customer_id
    history = await queries.customer_history(session, customer_id)
    newest = history[0] if history else None
    snapshot = (
        await find_snapshot(session, settings, newest.calc_date.isoformat()) if newest else None
    )
    return CustomerDetail(
        customer_id=customer_id,
        email=customer.email,
        country=customer.country,
        created_at=customer.created_at,
        segment=newest.segment_name if newest else None,
        rfm=newest,
        cluster_score=(
            await queries.cluster_score(session, snapshot, customer_id) if snapshot else {}
        ),
        why=await find_reason(session, history),
        history=history,
        orders=await queries.customer_orders(session, settings, customer_id, snapshot, NEWEST),
        orders_total=await queries.count_orders(session, customer_id),
    )


@get(
    ["/customers/{customer_id:str}/orders", "/customers/{customer_id:str}/orders.csv"],
    summary="A customer's orders",
    tags=["Customers"],
)
async def orders(
    request: Request[Any, Any, Any],
    session: SessionDep,
    settings: SettingsDep,
    customer: NamedDependency[CustomerRecord],
    paging: PageDep,
) -> Response[OrderList]:
    """One page, newest first; `is_counted` is by the newest snapshot's window."""
    snapshot = await latest_snapshot(session)
    customer_id = customer.customer_id
    found = await queries.customer_orders(session, settings, customer_id, snapshot, paging)
    body = OrderList(
        customer_id=customer_id,
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_orders(session, customer_id),
        orders=found,
    )
    return answer(request, body, found, OrderRow)
