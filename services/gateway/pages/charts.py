"""The JSON that the page's charts fetch when they come into view, one URL per picture."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.dependencies import SessionDep, SettingsDep
from gateway.pages import figures
from gateway.pages.frame import NumbersDep
from gateway.pages.numbers import Numbers
from gateway.queries.customers import customer_orders
from gateway.queries.pages import find_run
from gateway.queries.pages_charts import read_sample, read_trend
from gateway.queries.rows import Page
from gateway.queries.snapshots import latest_snapshot

Chart = Callable[[AsyncSession, int, Numbers], Awaitable[figures.Figure]]


async def _scatter(session: AsyncSession, run_id: int, numbers: Numbers) -> figures.Figure:
    return figures.scatter(await read_sample(session, run_id), numbers)


async def _trend(session: AsyncSession, run_id: int, numbers: Numbers) -> figures.Figure:
    return figures.trend(await read_trend(session, run_id), numbers)


CHARTS: dict[str, Chart] = {"scatter": _scatter, "trend": _trend}


@get("/customers/{customer_id:str}/timeline")
async def timeline(
    customer_id: str, session: SessionDep, settings: SettingsDep, numbers: NumbersDep
) -> Response[dict[str, Any]]:
    """A customer's newest orders as stems."""
    snapshot = await latest_snapshot(session)
    orders = await customer_orders(session, settings, customer_id, snapshot, Page(1, 500))
    return Response(figures.timeline(orders, numbers), headers={"Cache-Control": "no-store"})


@get("/charts/{name:str}")
async def chart(
    name: str, run: int, session: SessionDep, numbers: NumbersDep
) -> Response[dict[str, Any]]:
    """One chart of one run. A run never changes, so a browser may keep the answer for a while."""
    found = await find_run(session, run)
    if found is None or name not in CHARTS:
        raise NotFoundException(f"there is no chart {name} of run {run}")
    figure = await CHARTS[name](session, run, numbers.of(found.base_currency))
    return Response(figure, headers={"Cache-Control": "private, max-age=300"})
