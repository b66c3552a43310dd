"""A gateway that is stopped while the database keeps it waiting."""

import asyncio
import signal

import httpx
import pytest

from rfm_cli.processes import free_port
from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.faults.scoring.fleet import locked
from tests.running import answering, eventually, start, stop


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_request_that_outlasts_the_stop_is_told_to_come_again(
    settings: Settings, sessions: Sessions, method: str
) -> None:
    port = free_port()
    process = await start("gateway", settings, API_PORT=str(port), RFM_CDN="off")
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            await answering(client)
            async with locked(sessions, "data_state", "ACCESS EXCLUSIVE"):
                asked = asyncio.create_task(client.request(method, "/dashboard"))
                await eventually(lambda: is_waiting(sessions), what="the page waits for the table")
                await stop(process, signal.SIGTERM)
                answer = await asked
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        if method == "GET":
            assert answer.json()["status"] == 503
    finally:
        if process.returncode is None:
            process.kill()


async def is_waiting(sessions: Sessions) -> bool:
    """Whether somebody waits for the table that is locked."""
    async with sessions() as session:
        found = await run_sql(
            session,
            "SELECT EXISTS (SELECT 1 FROM pg_locks"
            " WHERE relation = 'data_state'::regclass AND NOT granted)",
        )
        return bool(found.scalar())
