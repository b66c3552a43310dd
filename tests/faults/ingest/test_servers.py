"""Servers go away, disks are full: the file is loaded once, in the end, without help."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ingest.folder import Dropped
from ingest.importer import Importer
from rfm_cli.postgres import PrivatePostgres
from rfm_cli.valkey import PrivateValkey
from rfm_common import bus
from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions, run_sql
from rfm_common.schema import upgrade
from rfm_common.settings import Settings
from tests.faults.ingest.accounts import check
from tests.integration.ingest import lakes
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop, drop, running, settled

ORDERS = ORDERS_HEADER + "".join(
    f"O{n},C{n % 500},2024-01-10,{n % 90}.00,EUR,completed\n" for n in range(60_000)
)


@pytest.fixture
def own_servers(
    state_dir: Path, tmp_path: Path
) -> Generator[tuple[PrivatePostgres, PrivateValkey]]:
    """Servers that a test may stop without disturbing the others."""
    home = state_dir / tmp_path.name
    home.mkdir()
    home.chmod(0o755)
    postgres, valkey = PrivatePostgres(home / "postgres"), PrivateValkey(home / "valkey")
    postgres.start()
    valkey.start()
    yield postgres, valkey
    valkey.stop()
    postgres.stop()


@pytest.fixture
def own_settings(own_servers: tuple[PrivatePostgres, PrivateValkey], tmp_path: Path) -> Settings:
    values = own_servers[0].environment() | own_servers[1].environment()
    made = Settings(
        _env_file=None,  # type: ignore[call-arg]
        **{name.lower(): value for name, value in values.items()},  # type: ignore[arg-type]
        input_dir=tmp_path / "own/input", rescan_seconds=0.5,
    )  # fmt: skip
    made.input_dir.mkdir(parents=True)
    return made


async def _loading(sessions: Sessions) -> None:
    """Wait until a load is in its transaction."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%stage_orders%'"
    async with asyncio.timeout(30):
        while True:
            async with sessions() as session:
                if int((await run_sql(session, query)).scalar_one()) > 1:
                    return
            await asyncio.sleep(0.005)


async def test_postgresql_restarts_at_once_in_the_middle_of_a_load(
    own_servers: tuple[PrivatePostgres, PrivateValkey], own_settings: Settings
) -> None:
    await upgrade(own_settings)
    async with (
        open_sessions(own_settings, "test") as sessions,
        open_redis(own_settings, "test") as redis,
    ):
        shop = Shop(own_settings, sessions, redis)
        async with running(own_settings, sessions, redis):
            drop(own_settings, "orders.csv", ORDERS)
            await _loading(sessions)
            crashed = int((own_servers[0].data / "postmaster.pid").read_text().split()[0])
            os.kill(crashed, signal.SIGQUIT)  # immediate shutdown: no checkpoint, no goodbyes
            await asyncio.sleep(1)
            await asyncio.to_thread(own_servers[0].start)
            own = own_settings.model_copy(update={"db_port": own_servers[0].port})
            async with open_sessions(own, "test") as again:
                if own.db_port != own_settings.db_port:
                    pytest.skip("the private server came back on another port")
                await settled(again, 1, 60)
                await _told(again)
        await check(shop, redis, {"orders.csv": "loaded"})
        assert len((await shop.tables())["orders"]) == 60_000


async def _told(sessions: Sessions) -> None:
    async with asyncio.timeout(30):
        while True:
            async with sessions() as session:
                left = await run_sql(
                    session, "SELECT count(*) FROM outbox WHERE published_at IS NULL"
                )
                if not left.scalar():
                    return
            await asyncio.sleep(0.05)


async def test_redis_is_away_and_comes_back(
    own_servers: tuple[PrivatePostgres, PrivateValkey], own_settings: Settings
) -> None:
    valkey = own_servers[1]
    await upgrade(own_settings)
    async with (
        open_sessions(own_settings, "test") as sessions,
        open_redis(own_settings, "test") as redis,
    ):
        shop = Shop(own_settings, sessions, redis)
        async with running(own_settings, sessions, redis):
            await asyncio.to_thread(valkey.stop)
            drop(own_settings, "orders.csv", ORDERS)
            [row] = await settled(sessions, 1, 60)
            assert row.state == "loaded"
            await asyncio.to_thread(valkey.start)
            if valkey.environment()["REDIS_URL"] != own_settings.redis_url.get_secret_value():
                pytest.skip("the private server came back on another port")
            await _told(sessions)
        await check(shop, redis, {"orders.csv": "loaded"})


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Generator[Path]:
    """A file system of its own that is soon full; needs root on Linux."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and a kernel that allows it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_the_disk_of_the_archive_is_full_for_a_while(
    settings: Settings, sessions: Sessions, redis: Redis, shop: Shop
) -> None:
    quick = settings.model_copy(update={"rescan_seconds": 0.2})
    with small_disk(settings.archive_dir, 256) as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(200 * 1024))
        async with running(quick, sessions, redis):
            drop(settings, "orders.csv", ORDERS[: ORDERS.index("O2000,")])
            async with asyncio.timeout(30):
                while not [row for row in await shop.ledger() if row.state == "loaded"]:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1)
            assert (settings.input_dir / "orders.csv").exists()
            assert [path.name for path in disk.iterdir()] == ["filler"]
            filler.unlink()
            await settled(sessions, 1)
        await check(shop, redis, {"orders.csv": "loaded"})


async def test_the_disk_of_the_lake_is_full_for_a_while(
    settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    folder = settings.data_dir / "lake"
    quick = settings.model_copy(update={"rescan_seconds": 0.2, "lake": f"file://{folder}"})
    shop = Shop(quick, sessions, redis)
    with small_disk(folder, 256) as disk:
        (disk / "orders").mkdir()
        filler = disk / "filler"
        filler.write_bytes(bytes(248 * 1024))
        async with running(quick, sessions, redis):
            drop(settings, "orders.csv", ORDERS[: ORDERS.index("O9000,")])
            await asyncio.sleep(3)
            [row] = await shop.ledger()
            assert (row.state, (await shop.tables())["orders"]) == ("reading", [])
            filler.unlink()
            await settled(sessions, 1)
        await check(shop, redis, {"orders.csv": "loaded"})
        await lakes.check(shop)


async def test_a_file_that_cannot_be_moved_is_judged_once(
    settings: Settings, sessions: Sessions, redis: Redis, shop: Shop
) -> None:
    settings.archive_dir.write_text("a file where the archive should be")
    drop(settings, "orders.csv", ORDERS_HEADER + "O1,C1,2024-01-10,5,EUR,completed\n")
    quick = settings.model_copy(update={"rescan_seconds": 0.1})
    for _ in range(2):  # a restart does not make it forget
        async with running(quick, sessions, redis):
            await asyncio.sleep(1.2)
    [row] = await shop.ledger()
    assert (row.state, row.stored_path) == ("loaded", "input/orders.csv")
    events = [event.type for _, event in await bus.read(redis, "0-0")]
    assert events == ["import.started", "import.finished"]
    settings.archive_dir.unlink()
    async with running(quick, sessions, redis):
        [row] = await settled(sessions, 1)
    await check(shop, redis, {"orders.csv": "loaded"})


async def test_a_file_replaced_between_load_and_move_is_not_put_away_unread(
    shop: Shop,
    settings: Settings,
    sessions: Sessions,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = ORDERS_HEADER + "O1,C1,2024-01-10,5,EUR,completed\n"
    second = ORDERS_HEADER + "O2,C1,2024-01-10,5,EUR,completed\n"
    path = drop(settings, "orders.csv", first)
    item = Dropped(path, path.lstat())
    put_away = Importer._put_away

    async def replaced(self: Importer, *rest: object) -> None:
        drop(settings, "orders.csv", second)
        monkeypatch.undo()
        await put_away(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Importer, "_put_away", replaced)
    async with running(settings, sessions, redis):
        rows = await settled(sessions, 1)
        async with asyncio.timeout(60):
            while len((await shop.tables())["orders"]) < 2:
                await asyncio.sleep(0.05)
    assert item.name == rows[0].file_name
