"""The health check of a container without a port: signs of life in the database."""

import socket

import asyncpg
import pytest

from rfm_common.alive import is_alive
from rfm_common.beats import beating
from rfm_common.db import run_sql


async def test_a_process_that_beats_is_alive_and_others_are_not(settings, sessions) -> None:
    assert not await is_alive(settings, "ingest")
    async with beating(sessions, "ingest"):
        while not await is_alive(settings, "ingest"):
            pass
        assert not await is_alive(settings, "scoring")
        async with sessions() as session, session.begin():
            await run_sql(session, "UPDATE service_beats SET instance = 'elsewhere:1:2'")
        assert not await is_alive(settings, "ingest"), "it is on another machine"


async def test_silence_is_no_life(settings, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "INSERT INTO service_beats (instance, service, version, started_at, beat_at)"
            " VALUES (:me, 'scoring', '1', now(), now() - interval '1 minute')",
            me=f"{socket.gethostname()}:1:2",
        )
    assert not await is_alive(settings, "scoring")


async def test_without_a_database_nobody_can_tell(settings) -> None:
    with pytest.raises((OSError, asyncpg.PostgresError)):
        await is_alive(settings.model_copy(update={"db_port": 1}), "ingest")
