"""Charts of a snapshot: PNG pictures, and pages with interactive ones."""

import asyncio
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.params import QueryParameter
from litestar.response import Template
from markupsafe import Markup

from gateway.charts import figures
from gateway.charts.points import PlotType, Sample
from gateway.charts.queries import read_sample
from gateway.kit.dependencies import SessionDep, SettingsDep, SnapshotDep
from gateway.kit.responses import REVALIDATE, etag
from rfm_common.settings import Settings

ChosenPlot = Annotated[PlotType, QueryParameter(description="Which two of the three figures")]
YEAR = "public, max-age=31536000, immutable"


@get(
    "/visualization/plot",
    summary="A scatter plot as PNG",
    tags=["Pictures"],
    media_type="image/png",
)
async def plot(
    request: Request[Any, Any, Any],
    session: SessionDep,
    snapshot: SnapshotDep,
    plot_type: ChosenPlot = "frequency_monetary",
) -> Response[bytes]:
    """At most 3,000 customers, chosen per run from every cluster; the picture says how many."""
    sample = await read_sample(session, snapshot)
    content = await asyncio.to_thread(_draw, sample, plot_type)
    headers = {"ETag": etag(request, snapshot), "Cache-Control": REVALIDATE}
    return Response(content, media_type="image/png", headers=headers)


def _draw(sample: Sample, plot_type: PlotType) -> bytes:
    """In a thread, and imported late: matplotlib would add a second to the gateway's start."""
    from gateway.charts import pictures  # noqa: PLC0415

    return pictures.draw(sample, plot_type)


@get(
    "/visualization/interactive",
    summary="A scatter plot to zoom into",
    tags=["Pictures"],
    media_type=MediaType.HTML,
)
async def interactive(
    session: SessionDep,
    settings: SettingsDep,
    snapshot: SnapshotDep,
    plot_type: ChosenPlot = "frequency_monetary",
) -> Template:
    """A page with a Plotly chart."""
    sample = await read_sample(session, snapshot)
    figure = await asyncio.to_thread(figures.scatter, sample, plot_type)
    return _page(settings, figure)


@get(
    "/visualization/3d",
    summary="All three figures in a space to turn",
    tags=["Pictures"],
    media_type=MediaType.HTML,
)
async def in_space(session: SessionDep, settings: SettingsDep, snapshot: SnapshotDep) -> Template:
    """A page with a Plotly chart."""
    sample = await read_sample(session, snapshot)
    figure = await asyncio.to_thread(figures.space, sample)
    return _page(settings, figure)


def _page(settings: Settings, figure: str) -> Template:
    source = dict(figures.script_source())
    if settings.cdn == "off":
        source["cdn"] = ""
    # to_json writes < and / as \u003c and \u002f: the text cannot end the script element.
    context = {"figure": Markup(figure), "source": source}  # noqa: S704
    return Template("visualization.html", context=context, headers={"Cache-Control": "no-store"})


@get("/visualization/plotly.js", include_in_schema=False, sync_to_thread=True)
def plotly_script() -> Response[bytes]:
    """The script of the installed package, for when the CDN cannot be reached."""
    return Response(
        figures.script(),
        media_type="text/javascript",
        headers={"Content-Encoding": "gzip", "Cache-Control": YEAR},
    )
