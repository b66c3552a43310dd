"""A line that is silent, not cut, never comes to life again: scores catch up all the same."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from rfm_common import bus
from rfm_common.bus import open_redis
from rfm_common.db import KEEPALIVE, Sessions, open_pool, raw_connection, run_sql
from rfm_common.settings import Settings
from rfm_common.tasks import alongside
from scoring.engines import open_engine
from scoring.runs import jobs
from scoring.worker import ScoringWorker
from tests.faults.scoring.fleet import Fleet
from tests.faults.scoring.test_kill import orders
from tests.integration.scoring.shop import load
from tests.prove.proxy import Proxy


@asynccontextmanager
async def behind_proxy(settings: Settings) -> AsyncGenerator[tuple[Settings, Proxy]]:
    """The settings of somebody whose way to Redis is through the proxy."""
    url = settings.redis_url.get_secret_value()
    address, _, database = url.rpartition("/")
    head, _, port = address.rpartition(":")
    proxy = Proxy(int(port))
    await proxy.start()
    try:
        there = SecretStr(f"{head}:{proxy.port}/{database}")
        yield settings.model_copy(update={"redis_url": there}), proxy
    finally:
        await proxy.stop()


@pytest.mark.timeout(120)
async def test_a_redis_that_falls_silent_keeps_no_run_waiting(
    settings: Settings, sessions: Sessions, redis, monkeypatch
) -> None:
    monkeypatch.setattr(bus, "PATIENCE", 0.3)
    monkeypatch.setattr(bus, "LONGEST_WAIT", 2.0)
    watcher = Fleet(settings, sessions, redis)
    async with behind_proxy(settings) as (theirs, proxy), open_redis(theirs, "scoring") as line:
        engine = open_engine(theirs, sessions)
        worker = ScoringWorker(jobs.Context(theirs, sessions, line, engine, "test"))
        async with alongside(worker.run()):
            await load(sessions, orders(1))
            await watcher.settle()
            proxy.line = "silent"
            await load(sessions, orders(2))
            await watcher.settle()


async def test_a_run_does_not_wait_for_a_word_that_nobody_takes(
    settings: Settings, sessions: Sessions, redis
) -> None:
    """A sign of life is a matter of PostgreSQL; Redis is told of it if it is there."""
    async with behind_proxy(settings) as (theirs, proxy), open_redis(theirs, "scoring") as line:
        engine = open_engine(theirs, sessions)
        context = jobs.Context(theirs, sessions, line, engine, "test")
        await load(sessions, orders(1))
        claimed = await jobs._next(context)
        assert claimed is not None
        proxy.line = "silent"
        progress = jobs.Progress()
        progress.enter("load")
        async with asyncio.timeout(bus.PATIENCE - 1):  # a call that is not cut short takes longer
            await jobs._beat(context, claimed, progress)


async def in_session(settings: Settings, sessions: Sessions, look: Callable[..., None]) -> None:
    async with sessions() as session:
        await run_sql(session, "SELECT 1")
        look(await raw_connection(session))


async def in_pool(settings: Settings, sessions: Sessions, look: Callable[..., None]) -> None:
    async with open_pool(settings, "test") as pool, pool.acquire() as connection:
        look(connection)


@pytest.mark.parametrize("connected", [in_session, in_pool])
async def test_the_system_watches_the_lines_to_postgresql(
    settings: Settings, sessions: Sessions,
    connected: Callable[..., Awaitable[None]],
) -> None:  # fmt: skip
    """No proxy shows this: it would go on answering for the server that is gone."""
    seen: dict[str, int] = {}

    def look(connection) -> None:
        line = connection._transport.get_extra_info("socket")
        seen["on"] = line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name in KEEPALIVE:
            if option := getattr(socket, name, None):
                seen[name] = line.getsockopt(socket.IPPROTO_TCP, option)

    await connected(settings, sessions, look)
    known = {name: value for name, value in KEEPALIVE.items() if hasattr(socket, name)}
    assert seen == {"on": 1, **known}
