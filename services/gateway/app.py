"""The composition root: routes, templates, static files and the life of the connections."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from litestar import Litestar, get
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig

from gateway import api, pages
from gateway.dependencies import DEPENDENCIES
from rfm_common.bus import open_redis
from rfm_common.db import open_sessions
from rfm_common.settings import Settings

HERE = Path(__file__).parent


@get("/", include_in_schema=False)
async def home() -> Redirect:
    """Send a browser to the dashboard."""
    return Redirect("/dashboard")


def _connections(
    settings: Settings,
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async with (
            open_sessions(settings, "gateway", pool_size=10) as sessions,
            open_redis(settings, "gateway") as redis,
        ):
            app.state.sessions = sessions
            app.state.redis = redis
            yield

    return lifespan


def create_app(settings: Settings) -> Litestar:
    """The gateway; connects when its lifespan starts, not before."""
    app = Litestar(
        route_handlers=[
            home,
            create_static_files_router("/static", [HERE / "static"]),
            *api.ROUTES,
            *pages.ROUTES,
        ],
        dependencies=dict(DEPENDENCIES),
        lifespan=[_connections(settings)],
        template_config=TemplateConfig(directory=HERE / "templates", engine=JinjaTemplateEngine),
    )
    app.state.settings = settings
    return app
