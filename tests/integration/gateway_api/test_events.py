"""Live events over a real server: resuming, falling behind, Redis going away, a prompt stop."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from litestar.exceptions import TooManyRequestsException
from pydantic import SecretStr
from redis.asyncio import Redis

from gateway.web.live import BACKLOG, Client, Live, frame, missed
from rfm_cli.processes import free_port
from rfm_cli.valkey import PrivateValkey
from rfm_common import bus
from rfm_common.events import ImportFinished, RunFinished
from rfm_common.settings import Settings
from tests.integration.gateway_api.conftest import on_socket


@dataclass
class Sse:
    id: str
    event: str
    data: dict


@asynccontextmanager
async def served(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """`python -m gateway` on a free port, until the end of the block."""
    port = free_port()
    environment = os.environ | {
        "DB_HOST": settings.db_host, "DB_PORT": str(settings.db_port),
        "DB_NAME": settings.db_name, "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(), "API_PORT": str(port),
        "DATA_DIR": str(settings.input_dir), "RFM_STATE_DIR": str(settings.data_dir / "state"),
        "RFM_CDN": "off", "PATH": "/nonexistent",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", env=environment, cwd=settings.data_dir
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            client.process = process  # type: ignore[attr-defined]
            await answering(client)
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def answering(client: httpx.AsyncClient) -> None:
    for _ in range(800):
        assert client.process.returncode is None, "the gateway ended"
        try:
            if (await client.get("/health")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the gateway does not answer")


@asynccontextmanager
async def listening(client, **options) -> AsyncGenerator[AsyncIterator[Sse]]:
    async with client.stream("GET", "/events", **options) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        yield parsed(answer)


async def parsed(answer: httpx.Response) -> AsyncIterator[Sse]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Sse(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}


@asynccontextmanager
async def inside(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """The same server in this process, when it follows the events."""
    async with (
        on_socket(settings.model_copy(update={"cdn": "off"})) as (app, (host, port)),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=20) as client,
    ):
        while not app.state.live.server:
            await asyncio.sleep(0.01)
        yield client


@pytest_asyncio.fixture
async def gateway(settings: Settings, monkeypatch) -> AsyncGenerator[httpx.AsyncClient]:
    monkeypatch.setattr("gateway.web.live.BLOCK_MS", 100)
    async with inside(settings) as client:
        yield client


@pytest_asyncio.fixture
async def process(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    async with served(settings) as client:
        yield client


async def test_an_event_reaches_every_listener_with_its_stream_id(gateway, redis: Redis) -> None:
    async with listening(gateway) as one, listening(gateway) as other:
        assert (await anext(one)).event == (await anext(other)).event == "hello"
        stream_id = await bus.publish(redis, RunFinished(run_id=7, customers=3))
        for stream in (one, other):
            event = await anext(stream)
            assert (event.id, event.event) == (stream_id, "run-finished")
            assert (event.data["run_id"], event.data["customers"]) == (7, 3)


async def test_a_listener_resumes_where_it_was(gateway, redis: Redis) -> None:
    ids = [
        await bus.publish(redis, ImportFinished(import_id=n, file_name=f"{n}.csv"))
        for n in range(3)
    ]
    for options in ({"headers": {"Last-Event-ID": ids[0]}}, {"params": {"since": ids[0]}}):
        async with listening(gateway, **options) as stream:
            received = [await anext(stream) for _ in range(3)]
        assert [event.event for event in received] == ["hello", *["import-finished"] * 2]
        assert [event.id for event in received[1:]] == ids[1:]


async def test_who_was_away_too_long_is_told_to_load_anew(gateway, redis: Redis) -> None:
    first = await bus.publish(redis, RunFinished(run_id=1))
    await bus.publish(redis, RunFinished(run_id=2))
    await redis.xtrim(bus.STREAM, maxlen=1, approximate=False)
    for since in (first, "99999999999999-0"):
        async with listening(gateway, params={"since": since}) as stream:
            assert [(await anext(stream)).event, (await anext(stream)).event] == [
                "hello",
                "resync",
            ]


async def test_what_is_no_event_id_is_refused(gateway) -> None:
    assert (await gateway.get("/events", params={"since": "yesterday"})).status_code == 400


async def test_a_flushed_redis_means_resync_and_then_goes_on(gateway, redis: Redis) -> None:
    await bus.publish(redis, RunFinished(run_id=1))
    async with listening(gateway) as stream:
        assert (await anext(stream)).event == "hello"
        await redis.flushall()
        while (event := await asyncio.wait_for(anext(stream), 60)).event != "resync":
            pass
        await bus.publish(redis, RunFinished(run_id=2))
        event = await asyncio.wait_for(anext(stream), 60)
        assert (event.event, event.data["run_id"]) == ("run-finished", 2)


async def test_events_lost_before_anybody_read_them_mean_resync(process, redis: Redis) -> None:
    async with listening(process) as stream:
        assert (await anext(stream)).event == "hello"
        await bus.publish(redis, RunFinished(run_id=1))
        assert (await anext(stream)).event == "run-finished"
        process.process.send_signal(signal.SIGSTOP)
        try:
            await bus.publish(redis, RunFinished(run_id=2))
            await redis.flushall()
            await bus.publish(redis, RunFinished(run_id=3))
        finally:
            process.process.send_signal(signal.SIGCONT)
        assert (await asyncio.wait_for(anext(stream), 60)).event == "resync"


async def test_who_came_when_the_stream_was_empty_learns_that_it_was_lost(
    gateway, redis: Redis
) -> None:
    async with listening(gateway) as stream:
        place = (await anext(stream)).id
    await bus.publish(redis, RunFinished(run_id=1))
    await redis.flushall()
    await bus.publish(redis, RunFinished(run_id=2))
    async with listening(gateway, params={"since": place}) as stream:
        assert [(await anext(stream)).event, (await anext(stream)).event] == ["hello", "resync"]


async def test_a_page_made_without_redis_loads_anew(api, settings: Settings, redis: Redis) -> None:
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    async with api(away) as client:
        page = await client.get("/dashboard/imports")
    [place] = re.findall(r'hx-sse:connect="/events\?since=([^"]+)"', page.text)
    await bus.publish(redis, RunFinished(run_id=1))
    [(_, content)] = await missed(redis, place, "7-0")
    assert content == frame("resync", {}, "7-0")


@pytest.mark.slow
async def test_a_redis_that_crashed_may_have_lost_the_newest(
    settings: Settings, state_dir: Path
) -> None:
    server = PrivateValkey(state_dir / "crashing")
    server.start()
    url = server.environment()["REDIS_URL"]
    own = settings.model_copy(update={"redis_url": Settings(redis_url=url).redis_url})
    try:
        async with served(own) as client, listening(client) as stream:
            assert (await anext(stream)).event == "hello"
            server.signal(signal.SIGKILL)
            while server.is_running():
                await asyncio.sleep(0.01)
            server.prepare()
            server.launch()
            await asyncio.to_thread(server.wait_ready, 30)
            assert (await asyncio.wait_for(anext(stream), 60)).event == "resync"
    finally:
        server.stop()


async def test_streams_survive_redis_and_health_says_degraded(
    settings: Settings, tmp_path_factory, state_dir
) -> None:
    server = PrivateValkey(state_dir / "short-lived")
    server.start()
    url = server.environment()["REDIS_URL"]
    own = settings.model_copy(update={"redis_url": Settings(redis_url=url).redis_url})
    async with inside(own) as client, listening(client) as stream:
        assert (await anext(stream)).event == "hello"
        server.stop()
        health = await client.get("/health")
        assert (health.status_code, health.json()["redis"]) == (200, "away")
        assert health.json()["status"] == "degraded"
        assert (await client.post("/pipeline/run")).status_code == 202


async def test_a_signal_ends_open_streams_at_once(process) -> None:
    async with listening(process) as stream:
        assert (await anext(stream)).event == "hello"
        process.process.send_signal(signal.SIGTERM)
        # A stream that the server had to cut off would raise here.
        assert [event async for event in stream] == []
        await asyncio.wait_for(process.process.wait(), 60)


async def test_a_hundred_listeners_all_get_the_event(gateway, redis: Redis) -> None:
    async def one(started: asyncio.Semaphore) -> str:
        async with listening(gateway) as stream:
            assert (await anext(stream)).event == "hello"
            started.release()
            return (await anext(stream)).id

    gateway._transport._pool._max_connections = 200
    started = asyncio.Semaphore(0)
    listeners = [asyncio.create_task(one(started)) for _ in range(100)]
    for _ in listeners:
        await asyncio.wait_for(started.acquire(), 60)
    stream_id = await bus.publish(redis, RunFinished(run_id=1))
    assert await asyncio.wait_for(asyncio.gather(*listeners), 60) == [stream_id] * 100


def test_a_client_that_falls_behind_gets_resync_instead_of_a_gap() -> None:
    client = Client()
    for n in range(BACKLOG + 1):
        client.offer((f"{n}-1", frame("run.finished", {"run_id": n}, f"{n}-1")))
    waiting = [client.queue.get_nowait() for _ in range(client.queue.qsize())]
    assert [content.split(b"\n")[1] for _, content in waiting if content] == [
        b"event: resync",
        b"event: run-finished",
    ]


def test_frames_are_what_browsers_read() -> None:
    assert frame("run.finished", {"run_id": 1}, "5-0") == (
        b'id: 5-0\nevent: run-finished\ndata: {"run_id":1}\n\n'
    )


async def test_who_asks_for_what_is_gone_costs_nothing(redis: Redis, monkeypatch) -> None:
    """Ten thousand events were read for each such client, to be thrown away."""
    place = await bus.publish(redis, ImportFinished(import_id=1, file_name="a.csv"))
    monkeypatch.setattr(bus, "read", None)
    for since in ("1-1", "9999999999999-0", "0-1"):
        [(at, content)] = await missed(redis, since, str(place))
        assert (at, b"event: resync" in content) == (str(place), True)


async def test_who_missed_too_much_loads_anew(redis: Redis, monkeypatch) -> None:
    monkeypatch.setattr("gateway.web.live.MOST_MISSED", 3)
    places = [await bus.publish(redis, ImportFinished(import_id=n, file_name="a.csv"))
              for n in range(5)]  # fmt: skip
    assert len(await missed(redis, str(places[1]), "7-0")) == 3
    [(_, content)] = await missed(redis, str(places[0]), "7-0")
    assert b"event: resync" in content


async def test_streams_are_bounded_for_each_caller_and_in_all(redis: Redis, monkeypatch) -> None:
    live = Live(most_each=2)
    open_ones = [live.stream(redis, None, "local 127.0.0.1") for _ in range(2)]
    for stream in open_ones:
        live.check_room("local 127.0.0.1")
        await anext(stream)
    with pytest.raises(TooManyRequestsException):
        live.check_room("local 127.0.0.1")
    assert [content async for content in live.stream(redis, None, "local 127.0.0.1")] == []
    live.check_room("key:other 127.0.0.1")
    monkeypatch.setattr("gateway.web.live.MOST_STREAMS", 2)
    with pytest.raises(TooManyRequestsException):
        live.check_room("key:other 127.0.0.1")
    for stream in open_ones:
        await stream.aclose()
    live.check_room("local 127.0.0.1")
    assert not live.callers
