"""Two installations on one Redis, or on one database, are told apart, and the second refused."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from gateway.__main__ import check_redis
from ingest.__main__ import main as ingest
from rfm_cli.processes import free_port
from rfm_common import installation
from rfm_common.beats import SILENT, beating
from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions, run_sql
from rfm_common.installation import (
    ID_FILE,
    KEY,
    OtherFolderError,
    OtherRedisError,
    check_folder,
    claim,
    claiming,
    folder_id,
)
from rfm_common.settings import Settings
from scoring.__main__ import serve as scoring
from tests.conftest import fresh
from tests.running import eventually


@pytest_asyncio.fixture
async def other(template, tmp_path) -> AsyncGenerator[Settings]:
    """A second database and data folder, on the same Valkey."""
    async with fresh(template, tmp_path / "other") as made:
        yield made


async def test_one_installation_may_claim_as_often_as_it_likes(sessions, redis: Redis) -> None:
    async with claiming(sessions, redis), claiming(sessions, redis):
        await claim(sessions, redis)
        assert 0 < await redis.ttl(KEY) <= SILENT
    assert await redis.get(KEY) is None, "a stop frees it"


async def test_the_second_on_one_redis_is_refused_until_the_first_ends(
    other: Settings, sessions: Sessions, redis: Redis
) -> None:
    async with open_sessions(other, "test") as theirs:
        async with claiming(sessions, redis):
            with pytest.raises(OtherRedisError, match="set REDIS_URL"):
                await claim(theirs, redis)
            with pytest.raises(OtherRedisError):
                async with claiming(theirs, redis):
                    pass
        await claim(theirs, redis)


async def test_each_service_ends_with_the_sentence(
    other: Settings, sessions: Sessions, redis: Redis
) -> None:
    await claim(sessions, redis)
    with pytest.raises(SystemExit, match="gateway: Another installation"):
        await check_redis(other)
    with pytest.raises(OtherRedisError):
        await ingest(other)
    with pytest.raises(OtherRedisError):
        await scoring(other)


async def test_without_redis_everything_starts(settings: Settings, sessions: Sessions) -> None:
    away = Settings.model_validate(settings.model_dump() | {
        "redis_url": f"redis://127.0.0.1:{free_port()}"})  # fmt: skip
    await check_redis(away)
    async with open_redis(away, "test") as nowhere, claiming(sessions, nowhere):
        pass


async def test_who_meets_another_one_later_stops(
    sessions: Sessions, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a Redis that lost everything, and that another one found first."""
    monkeypatch.setattr(installation, "SECONDS", 0.01)
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    async with claiming(sessions, redis):
        await redis.set(KEY, "another/1")
        await asked.wait()
    loop.remove_signal_handler(signal.SIGTERM)
    assert await redis.get(KEY) == "another/1", "theirs stays theirs"


def test_a_folder_keeps_its_id(tmp_path: Path) -> None:
    here, there = folder_id(tmp_path / "a"), folder_id(tmp_path / "b")
    assert here != there
    assert here == folder_id(tmp_path / "a")
    assert (tmp_path / "a" / ID_FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / "b" / ID_FILE).unlink()
    (tmp_path / "b" / ID_FILE).symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="not a plain file"):
        folder_id(tmp_path / "b")


async def test_an_ingest_with_another_folder_on_one_database_is_refused(
    settings: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    here = folder_id(settings.data_dir)
    await check_folder(sessions, here)
    async with beating(sessions, "ingest", here):

        async def is_there() -> bool:
            async with sessions() as session:
                found = await run_sql(session, "SELECT count(*) FROM service_beats")
                return bool(found.scalar())

        await eventually(is_there, what="it beats")
        await check_folder(sessions, here)
        elsewhere = settings.model_copy(update={"input_dir": tmp_path / "elsewhere" / "input"})
        with pytest.raises(OtherFolderError, match="DB_NAME"):
            await check_folder(sessions, folder_id(tmp_path / "elsewhere"))
        with pytest.raises(OtherFolderError):
            await ingest(elsewhere)
    await check_folder(sessions, "another")


async def test_an_ingest_that_was_killed_is_in_the_way_for_half_a_minute(
    settings: Settings, sessions: Sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, """
            INSERT INTO service_beats (instance, service, version, started_at, figures, beat_at)
            VALUES ('x:1', 'ingest', '1', now(), '{"folder": "other"}', now())
            """)  # fmt: skip
    with pytest.raises(OtherFolderError):
        await check_folder(sessions, "here")
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE service_beats SET beat_at = now() - interval '31 seconds'")
    await check_folder(sessions, "here")
