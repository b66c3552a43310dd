"""Customers: filtered lists, one in full, one's orders."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from gateway.customers import queries
from gateway.customers.bounds import BoundsDep
from gateway.customers.facts import customer_facts
from gateway.customers.filters import CustomerFilter, SortKey
from gateway.customers.lists import BEST_FIRST, Window, list_customers
from gateway.customers.queries import CustomerRecord
from gateway.customers.reasons import peek_near, peek_reason
from gateway.customers.schemas import CustomerDetail, CustomerList, OrderList, OrderRow
from gateway.kit.current import settings_of
from gateway.kit.days import MONTH, parse_month
from gateway.kit.dependencies import PageDep, SessionDep, SettingsDep, SnapshotDep, quick_of
from gateway.kit.problems import refusal
from gateway.kit.responses import answer
from gateway.kit.snapshots import latest_snapshot
from gateway.segments.queries import find_segment
from gateway.segments.schemas import CustomerRow, SegmentCustomers
from rfm_common.errors import existing
from rfm_common.identity import same_id

Score = Annotated[int | None, QueryParameter(ge=1, le=5)]


def _month(description: str) -> Any:
    return QueryParameter(description=description, max_length=10, schema_extra={"pattern": MONTH})


async def provide_narrowed(
    session: SessionDep,
    snapshot: SnapshotDep,
    bounds: BoundsDep,
    segment: Annotated[
        str | None, QueryParameter(description="Name or slug", max_length=100)
    ] = None,
    cluster: Annotated[int | None, QueryParameter(ge=0, le=1000)] = None,
    country: Annotated[str | None, QueryParameter(max_length=100)] = None,
    r_score: Score = None,
    f_score: Score = None,
    m_score: Score = None,
    fm_score: Score = None,
    first_order: Annotated[
        str | None, _month("Month of the first order, such as 2026-11, as `/cohorts` has it")
    ] = None,
    ordered_in: Annotated[
        str | None, _month("A month in which the customer ordered, first time or again")
    ] = None,
    q: Annotated[
        str | None,
        QueryParameter(
            description="Beginning of the id or e-mail in any case; if nobody's begins so, any"
            " part of it",
            max_length=200,
        ),
    ] = None,
) -> CustomerFilter:
    """The filters of the list, with the segment's exact name."""
    name = (await find_segment(session, snapshot, segment))[0] if segment else None
    return CustomerFilter(
        segment_name=name, cluster_id=cluster, country=country or None,
        r_score=r_score, f_score=f_score, m_score=m_score, fm_score=fm_score, q=q or None,
        first_order=parse_month("first_order", first_order),
        ordered_in=parse_month("ordered_in", ordered_in), bounds=bounds,
    )  # fmt: skip


Sort = Annotated[SortKey, QueryParameter(description="A leading minus sorts downwards")]
After = Annotated[
    str | None,
    QueryParameter(
        description="Begin behind this customer, the last one of the page before; costs the"
        " same however far into the list. `page` then counts from there",
        min_length=1,
        max_length=1000,
    ),
]
NO_FIGURES = {409: refusal("What it sorts or filters by is not computed yet")}


@get(
    ["/customers", "/customers.csv"], summary="Customers that pass filters", tags=["Customers"],
    responses=NO_FIGURES,
)  # fmt: skip
async def customers(
    request: Request[Any, Any, Any],
    session: SessionDep,
    snapshot: SnapshotDep,
    paging: PageDep,
    narrowed: NamedDependency[CustomerFilter],
    sort: Sort = "customer_id",
    after: After = None,
) -> Response[CustomerList]:
    """One page of a snapshot's customers.

    Sorted downwards equal values are in order of id; upwards is the exact reverse. Downwards, who
    has no such figure comes last; by `half_back_days` first, for that is never. 409 in the seconds
    after a run when what is sorted or filtered by is not computed yet.
    """
    window = Window(sort, paging, after)
    found = await list_customers(session, snapshot, narrowed, window)
    body = CustomerList(
        calc_date=snapshot.calc_date,
        has_outlook=snapshot.has_outlook,
        page=paging.number,
        page_size=paging.size,
        total=found.total,
        customers=found.customers,
    )
    return answer(request, body, found.customers, CustomerRow, snapshot)


@get(
    ["/segments/{name:str}/customers", "/segments/{name:str}/customers.csv"],
    summary="The customers of a segment",
    tags=["Segments"],
    responses=NO_FIGURES,
)
async def segment_customers(
    request: Request[Any, Any, Any],
    session: SessionDep,
    snapshot: SnapshotDep,
    paging: PageDep,
    bounds: BoundsDep,
    name: FromPath[str],
    sort: Sort = BEST_FIRST,
    after: After = None,
) -> Response[SegmentCustomers]:
    """One page, the best customer first (monetary, then id), or in the order of `GET /customers`.

    `name` is the segment's name or its slug, in any case: `At Risk`, `at-risk`.
    """
    segment_name, _ = await find_segment(session, snapshot, name)
    narrowed = CustomerFilter(segment_name=segment_name, bounds=bounds)
    found = await list_customers(session, snapshot, narrowed, Window(sort, paging, after))
    body = SegmentCustomers(
        segment_name=segment_name,
        calc_date=snapshot.calc_date,
        has_outlook=snapshot.has_outlook,
        page=paging.number,
        page_size=paging.size,
        total=found.total,
        customers=found.customers,
    )
    return answer(request, body, found.customers, CustomerRow, snapshot)


async def provide_customer(session: SessionDep, customer_id: FromPath[str]) -> CustomerRecord:
    """The customer of the path; NotFoundError when there is none."""
    found = await queries.find_customer(session, same_id(customer_id))
    return existing(found, f"customer {customer_id!r}", "customer_id")


@get("/customers/{customer_id:str}", summary="One customer in full", tags=["Customers"])
async def customer(state: State, customer_id: FromPath[str]) -> CustomerDetail:
    """Scores and segment in the newest snapshot that has the customer, history and orders."""
    quick = quick_of(state)
    facts = await customer_facts(quick, await settings_of(state), same_id(customer_id))
    found = existing(facts, f"customer {customer_id!r}", "customer_id")
    newest = found.history[0] if found.history else None
    return CustomerDetail(
        customer_id=found.customer_id,
        email=found.email,
        country=found.country,
        created_at=found.created_at,
        excluded_at=found.excluded_at,
        segment=newest.segment_name if newest else None,
        rfm=newest,
        cluster_score=found.cluster_score,
        near=await peek_near(quick, found.history),
        why=await peek_reason(quick, found.history),
        outlook=found.outlook,
        no_outlook=found.no_outlook,
        history=found.history,
        orders=found.orders,
        orders_total=found.orders_total,
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
