"""An export that cannot be finished is visibly broken, and the audit log says so."""

import asyncio
import resource
import signal

import httpx
import pytest

from rfm_cli.processes import free_port
from rfm_common.db import Sessions, run_sql
from tests.running import answering, eventually, start, stop
from tests.shop import open_shop

HEAVY = """
UPDATE customers SET email = repeat('x', 150000) || substr(customer_id, 2)
"""
"""120 customers of 150 kB: more than the buffers between two processes hold, and no more than an
index takes in."""


async def outcomes(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        found = await run_sql(session, "SELECT detail->>'outcome' FROM audit_log ORDER BY audit_id")
        return list(found.scalars())


async def test_a_client_sees_that_an_export_was_broken_off(settings, sessions) -> None:
    await open_shop(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, HEAVY)
    port = free_port()
    gateway = await start("gateway", settings, API_PORT=str(port), RFM_CDN="off")
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await answering(client)
            await _leaves_in_the_middle(client, sessions)
            received = await _gateway_dies_in_the_middle(client, gateway)
        assert 0 < received.count(b"\n") - 1 < 120  # the count against X-Row-Count tells as well
        assert await outcomes(sessions) == ["broken off", "begun"]
    finally:
        await stop(gateway, signal.SIGKILL)


async def _leaves_in_the_middle(client: httpx.AsyncClient, sessions: Sessions) -> None:
    async with client.stream("GET", "/export/segments/all") as response:
        assert response.headers["x-row-count"] == "120"
        await anext(response.aiter_bytes(1000))

    async def noticed() -> bool:
        return await outcomes(sessions) == ["broken off"]

    await eventually(noticed, what="the gateway notices that the client left")


async def _gateway_dies_in_the_middle(
    client: httpx.AsyncClient, gateway: asyncio.subprocess.Process
) -> bytes:
    received = b""
    async with client.stream("GET", "/export/segments/all") as response:
        assert "content-length" not in response.headers
        chunks = response.aiter_bytes(1_000_000)
        received += await anext(chunks)
        gateway.kill()
        with pytest.raises(httpx.HTTPError):  # noqa: PT012
            async for chunk in chunks:
                received += chunk
    return received


async def test_an_export_that_breaks_in_the_middle_leaves_one_line_in_the_log(
    settings, sessions, tmp_path
) -> None:
    """Its spool cannot grow over 1 MiB, as on a full disk."""
    await open_shop(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, HEAVY)
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as sink:
        gateway = await start("gateway", settings, sink, API_PORT=str(port), RFM_CDN="off")
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await answering(client)
            resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (2**20, 2**20))
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/export/segments/all")
            assert (await client.get("/health")).status_code == 200

            async def noted() -> bool:
                return await outcomes(sessions) == ["broken off"]

            await eventually(noted, what="the audit log knows of it")
    finally:
        await stop(gateway)
    words = log.read_text()
    assert words.count("an answer was broken off: /export/segments/all: OSError") == 1
    assert "Traceback" not in words
