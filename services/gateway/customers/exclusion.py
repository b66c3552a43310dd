"""Keeping customers out of scores: REST calls, and the button on a customer's page."""

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.queries import CustomerRecord
from gateway.kit import rows
from gateway.kit.dependencies import ActorDep, PageDep, RedisDep, SessionDep, SessionsDep
from gateway.kit.frame import Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.pager import Pager, asked_page, query
from gateway.kit.render import answer
from gateway.kit.rows import Page
from gateway.kit.schemas import Answer
from gateway.runs.requests import ring
from rfm_common.db import Sessions
from rfm_common.exclusion import set_excluded

PAGE = "/dashboard/exclusions"
SHOWN = 50
"""Customers on a page."""


class ExcludedList(Answer):
    """One page in order of id."""

    page: int
    page_size: int
    total: int
    customers: list[CustomerRecord]


@get("/exclusions", summary="Customers kept out of scores", tags=["Customers"])
async def exclusions(session: SessionDep, paging: PageDep) -> ExcludedList:
    """They keep their orders and are in no snapshot from the next run on."""
    return await _listed(session, paging)


async def _listed(session: AsyncSession, paging: Page) -> ExcludedList:
    excluded = "FROM customers WHERE excluded_at IS NOT NULL AND joined_to IS NULL"
    return ExcludedList(
        page=paging.number,
        page_size=paging.size,
        total=int(await rows.scalar(session, f"SELECT count(*) {excluded}")),
        customers=await rows.many(
            session,
            CustomerRecord,
            f"SELECT customer_id, email, country, created_at, excluded_at {excluded}"
            " ORDER BY customer_id LIMIT :size OFFSET :skip",
            **paging.window,
        ),
    )


@put(
    "/customers/{customer_id:str}/exclusion", summary="Keep a customer out of scores",
    tags=["Customers"], status_code=204,
)  # fmt: skip
async def exclude(
    sessions: SessionsDep, redis: RedisDep, actor: ActorDep, customer_id: FromPath[str]
) -> None:
    """For guests, tests, wholesale: in no score, segment or figure from the next run on."""
    await _set(sessions, redis, actor, customer_id, excluded=True)


@delete(
    "/customers/{customer_id:str}/exclusion", summary="Score a customer again",
    tags=["Customers"], status_code=204,
)  # fmt: skip
async def include(
    sessions: SessionsDep, redis: RedisDep, actor: ActorDep, customer_id: FromPath[str]
) -> None:
    """From the next run on."""
    await _set(sessions, redis, actor, customer_id, excluded=False)


async def _set(
    sessions: Sessions, redis: RedisDep, actor: str, customer_id: str, *, excluded: bool
) -> None:
    async with sessions() as session, session.begin():
        await set_excluded(session, customer_id, actor, excluded=excluded)
    await ring(sessions, redis)


@post("/customers/{customer_id:str}/exclusion")
async def switch(
    request: Request[Any, Any, Any], sessions: SessionsDep, redis: RedisDep, actor: ActorDep,
    customer_id: FromPath[str],
) -> Redirect:  # fmt: skip
    """The button: out of scores, or back; leads back to the customer."""
    form = await request.form()
    await _set(sessions, redis, actor, customer_id, excluded="exclude" in form)
    return Redirect(f"/dashboard/customers/{quote(customer_id, safe='')}", status_code=303)


@dataclass(frozen=True, slots=True)
class ExcludedPage:
    """Whom a person keeps out of scores."""

    template: ClassVar[str] = "excluded.html"
    frame: Frame
    numbers: Numbers
    listed: ExcludedList
    pager: Pager


@get("/exclusions")
async def excluded_page(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep
) -> Response[str]:
    """One page of them."""
    page = asked_page(request, SHOWN)
    listed = await _listed(session, page)
    view = ExcludedPage(
        frame=frame.of("Excluded customers", "customers"),
        numbers=frame.numbers,
        listed=listed,
        pager=Pager(
            previous_url=f"{PAGE}{query(page=page.number - 1)}" if page.number > 1 else None,
            next_url=f"{PAGE}{query(page=page.number + 1)}"
            if page.skip + len(listed.customers) < listed.total else None,
        ),
    )  # fmt: skip
    return answer(view)


ROUTES = [exclusions, exclude, include]
