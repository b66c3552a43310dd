"""The application in the test's own event loop, over a real database."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar

from gateway.web.app import create_app, furnish
from gateway.web.server import Server
from rfm_common.settings import Settings
from tests.shop import open_shop

BASE = "http://127.0.0.1:8701"


Api = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def api() -> Api:
    """Makes a client of a gateway with settings of its own, for the length of a block."""
    return served


@pytest_asyncio.fixture
async def client(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the gateway over an empty database."""
    async with served(settings.model_copy(update={"cdn": "off"})) as made:
        yield made


@asynccontextmanager
async def served(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    with application(settings) as app:
        transport = httpx.ASGITransport(app=app)
        async with running(app), httpx.AsyncClient(transport=transport, base_url=BASE) as made:
            yield made


@asynccontextmanager
async def on_socket(settings: Settings) -> AsyncGenerator[tuple[Litestar, tuple[str, int]]]:
    """An application under the real server, in this process, and its address."""
    socket_ = socket.create_server(("127.0.0.1", 0))
    with application(settings) as app:
        server = Server(settings, app)
        serving = asyncio.create_task(server.serve([socket_]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield app, socket_.getsockname()
        server.should_exit = True
        await serving


IDLE: list[Litestar] = []
"""Applications that no test uses now: to register all routes takes longer than most tests."""


@contextmanager
def application(settings: Settings) -> Generator[Litestar]:
    """A gateway with these settings that remembers nothing: an idle one, begun anew, or a new."""
    app = begun_anew(IDLE.pop(), settings) if IDLE else create_app(settings)
    yield app
    IDLE.append(app)


def begun_anew(app: Litestar, settings: Settings) -> Litestar:
    for layer in app.middleware:
        if vars(layer):
            vars(layer).update(vars(type(layer)(settings)))
    furnish(app, settings)
    return app


@asynccontextmanager
async def running(app: Litestar) -> AsyncGenerator[None]:
    """The application's life in a task of its own: a fixture ends in another task than it began."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ended.wait()

    task = asyncio.create_task(live())
    begun = asyncio.create_task(started.wait())
    await asyncio.wait([task, begun], return_when=asyncio.FIRST_COMPLETED)
    yield
    ended.set()
    await task


@pytest_asyncio.fixture
async def shop(sessions) -> int:
    """The run of a scored shop of 120 customers."""
    return await open_shop(sessions)
