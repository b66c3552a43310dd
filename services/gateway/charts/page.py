"""The JSON that the page's charts fetch when they come into view, one URL per picture."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.charts import cluster_figures
from gateway.charts import page_figures as figures
from gateway.charts.queries import read_buyers, read_trend, trend_breaks
from gateway.customers.queries import customer_orders
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import NumbersDep
from gateway.kit.numbers import Numbers
from gateway.kit.rows import Page
from gateway.kit.snapshots import find_run, latest_snapshot
from rfm_common.models import ScoringRun

Chart = Callable[[AsyncSession, ScoringRun, Numbers], Awaitable[figures.Figure]]
CountryChart = Callable[[AsyncSession, ScoringRun, Numbers, str | None], Awaitable[figures.Figure]]


async def _scatter(
    session: AsyncSession, run: ScoringRun, numbers: Numbers, country: str | None
) -> figures.Figure:
    return figures.scatter(await read_buyers(session, run.run_id, country), numbers)


async def _trend(
    session: AsyncSession, run: ScoringRun, numbers: Numbers, country: str | None
) -> figures.Figure:
    snapshots = await read_trend(session, run.run_id, country)
    return figures.trend(snapshots, await trend_breaks(session, run.run_id), numbers)


def _clusters(view: str) -> Chart:
    async def draw(session: AsyncSession, run: ScoringRun, numbers: Numbers) -> figures.Figure:
        return cluster_figures.scatter(await read_buyers(session, run.run_id), view, numbers)

    return draw


async def _space(session: AsyncSession, run: ScoringRun, numbers: Numbers) -> figures.Figure:
    return cluster_figures.space(await read_buyers(session, run.run_id), numbers)


async def _snake(_: AsyncSession, run: ScoringRun, numbers: Numbers) -> figures.Figure:
    return cluster_figures.snake(run, numbers)


async def _sweep(_: AsyncSession, run: ScoringRun, numbers: Numbers) -> figures.Figure:
    return cluster_figures.sweep(run, numbers)


COUNTRY_CHARTS: dict[str, CountryChart] = {"scatter": _scatter, "trend": _trend}
"""Those that may be narrowed to a country."""
CHARTS: dict[str, Chart] = {
    "clusters-fm": _clusters("fm"),
    "clusters-rf": _clusters("rf"),
    "clusters-rm": _clusters("rm"),
    "clusters-3d": _space,
    "snake": _snake,
    "sweep": _sweep,
}


@get("/customers/{customer_id:str}/timeline")
async def timeline(
    customer_id: FromPath[str], session: SessionDep, settings: SettingsDep, numbers: NumbersDep
) -> Response[dict[str, Any]]:
    """A customer's newest orders as stems."""
    snapshot = await latest_snapshot(session)
    orders = await customer_orders(session, settings, customer_id, snapshot, Page(1, 500))
    return Response(figures.timeline(orders, numbers), headers={"Cache-Control": "no-store"})


@get("/charts/{name:str}")
async def chart(
    name: FromPath[str], run: FromQuery[int], session: SessionDep, numbers: NumbersDep,
    country: FromQuery[str | None] = None,
) -> Response[dict[str, Any]]:  # fmt: skip
    """One chart of one run. A run never changes, so a browser may keep the answer for a while."""
    found = await find_run(session, run)
    if found is None or name not in {*CHARTS, *COUNTRY_CHARTS}:
        raise NotFoundException(f"there is no chart {name} of run {run}")
    numbers = numbers.of(found.base_currency)
    if name in COUNTRY_CHARTS:
        figure = await COUNTRY_CHARTS[name](session, found, numbers, country or None)
    else:
        figure = await CHARTS[name](session, found, numbers)
    return Response(figure, headers={"Cache-Control": "private, max-age=300"})
