"""The composition root: routes, templates, static files and the life of the connections."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from litestar import Litestar, get
from litestar.config.compression import CompressionConfig
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from litestar.types import ControllerRouterHandler
from prometheus_client import CollectorRegistry

from gateway.kit.current import Current
from gateway.kit.dependencies import DEPENDENCIES, Exits, readers
from gateway.kit.quick import Quick
from gateway.kit.render import TEMPLATES
from gateway.kit.responses import ExactResponse
from gateway.operation.health_queries import Counter
from gateway.web import errors, openapi, pages, rest
from gateway.web.edge import Edge, request_seconds
from gateway.web.live import Live, following
from gateway.web.login import HANDLERS as LOGIN_HANDLERS
from gateway.web.methods import name_methods
from gateway.web.negotiation import for_browsers
from gateway.web.security.access import Access
from gateway.web.security.bodies import Bodies
from gateway.web.security.headers import add_headers
from gateway.web.security.site import Guard
from gateway.web.slashes import Slashes
from rfm_common import __version__
from rfm_common.bus import open_redis
from rfm_common.db import open_pool, open_sessions
from rfm_common.events import ForecastFinished, RunFinished
from rfm_common.settings import Settings

HERE = Path(__file__).parent
PATIENCE = 5
"""Seconds that a request waits for a lock, and as many for a connection, until it is a 503."""
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


@get("/", include_in_schema=False)
async def home() -> Redirect:
    """Send a browser to the dashboard."""
    return Redirect("/dashboard")


@asynccontextmanager
async def connected(app: Litestar) -> AsyncGenerator[None]:
    """Open the connections for as long as the application runs; either server may be away."""
    settings: Settings = app.state.settings
    async with (
        open_sessions(settings, "gateway", pool_size=10, patience=PATIENCE) as sessions,
        open_pool(settings, "gateway", size=10, patience=PATIENCE) as pool,
        open_redis(settings, "gateway") as redis,
    ):
        app.state.sessions = sessions
        app.state.quick = Quick(pool)
        app.state.current = Current(settings, app.state.quick)
        app.state.readers = readers(sessions, app.state.quick.recent)
        app.state.redis = redis
        yield


def create_app(settings: Settings, *while_running: Lifespan) -> Litestar:
    """The gateway; connects when its lifespan starts, not before.

    `while_running` are background activities of the process that serves it.
    """
    routes: list[ControllerRouterHandler] = [
        home,
        create_static_files_router("/static", [HERE / "static"]),
        *rest.ROUTES,
        *openapi.ROUTES,
        *pages.ROUTES,
    ]
    app = Litestar(
        route_handlers=routes,
        dependencies=dict(DEPENDENCIES),
        exception_handlers={**for_browsers(errors.HANDLERS), **LOGIN_HANDLERS},
        lifespan=[connected, following, *while_running],
        middleware=[Guard(settings), Access(settings), Bodies(settings), Slashes(), Exits()],
        before_send=[add_headers, name_methods],
        compression_config=CompressionConfig(
            backend="gzip",
            gzip_compress_level=6,  # 9 takes three times as long for a hundredth of the size
            exclude=["/events", "/export/", "/vendor/", "plotly.js"],
        ),
        logging_config=None,
        response_class=ExactResponse,
        openapi_config=openapi.config(__version__),
        plugins=[openapi.MoneySchema()],
        template_config=TemplateConfig(directory=TEMPLATES, engine=JinjaTemplateEngine),
    )
    app.state.routed = app.asgi_handler
    furnish(app, settings)
    return app


def furnish(app: Litestar, settings: Settings) -> None:
    """Give the application its settings, and anew all that it counts, knows or waits for."""
    app.state.settings = settings
    app.state.metrics = CollectorRegistry()
    app.asgi_handler = Edge(app.state.routed, request_seconds(app.state.metrics))
    app.state.counter = Counter()
    app.state.closing = asyncio.Event()
    app.state.webhook_bell = asyncio.Event()
    bells = dict.fromkeys((RunFinished.type, ForecastFinished.type), app.state.webhook_bell)
    app.state.live = Live(bells, settings.streams_per_caller)
