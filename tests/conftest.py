"""Real servers for the tests: one PostgreSQL and one Valkey per test process, on free ports.

Each test gets a database of its own, copied from a migrated template, and an empty Valkey.
"""

import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings as examples
from redis.asyncio import Redis

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.roles import RIGHTS
from rfm_cli.valkey import PrivateValkey
from rfm_common.bus import open_redis
from rfm_common.db import Sessions, database_address, open_sessions
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

_numbers = itertools.count(1)

HERE = Path(__file__).parent
SLOW = [
    *(HERE / name for name in ("cluster", "faults", "images")),
    *(HERE / "e2e" / name for name in ("pages", "reading")),
]
"""Folders whose tests are all slow."""

# The same examples each time, unless `make test-all` asks for others; no deadline, because a busy
# machine must not fail a law.
examples.register_profile("repeated", derandomize=True, deadline=None)
examples.register_profile("random", derandomize=False, print_blob=True, deadline=None)
examples.load_profile("repeated")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is asked for by name, because it takes a machine for itself."""
    parser.addoption("--cluster", action="store_true", help="run tests/cluster, on a real cluster")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders as slow."""
    for item in items:
        if any(folder in item.path.parents for folder in SLOW):
            item.add_marker(pytest.mark.slow)


MEMORY = Path("/dev/shm")
ROOM = 4_000_000_000
"""Bytes that have to be free there: two servers use a fraction of it."""


def fast_folder() -> Path | None:
    """The file system in memory, if there is one with room: a database is made ten times as fast.

    A container's is often too small for a server.
    """
    is_usable = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if is_usable else None


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of garbage collections: they took a quarter of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def state_dir() -> Generator[Path]:
    """A folder that the servers' unprivileged user can reach (pytest's own is private)."""
    folder = Path(tempfile.mkdtemp(prefix="rfm-test-", dir=fast_folder()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class HastyPostgres(PrivatePostgres):
    """Does not wait for the disk: no test pulls the plug of the machine, only of processes.

    Its user may make databases, because each test gets one.
    """

    rights = RIGHTS.replace("NOCREATEDB", "CREATEDB")

    def command(self) -> list[str | Path]:
        return [
            *super().command(), "-cfsync=off", "-cfull_page_writes=off", "-cmax_wal_size=256MB"
        ]  # fmt: skip


@pytest.fixture(scope="session")
def postgres(state_dir: Path) -> Generator[PrivatePostgres]:
    server = HastyPostgres(state_dir / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(state_dir: Path) -> Generator[PrivateValkey]:
    server = PrivateValkey(state_dir / "valkey")
    server.start()
    yield server
    server.stop()


def _settings(
    postgres: PrivatePostgres, valkey: PrivateValkey, database: str, folder: Path
) -> Settings:
    environment = postgres.environment() | valkey.environment() | {"DB_NAME": database}
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        **{name.lower(): value for name, value in environment.items()},  # type: ignore[arg-type]
        input_dir=folder / "input",
    )


_OURS = "FROM pg_stat_activity WHERE datname = '{}' AND usename = current_user"


@dataclass
class Template:
    """A database with the real migrations applied, and the connections that make each test's."""

    settings: Settings
    address: Mapping[str, Any]
    server: asyncpg.Connection
    redis: Redis

    async def copied(self) -> str:
        """The name of a new database, beside an empty Valkey."""
        name = f"test_{next(_numbers)}"
        # Copying the files is cheap where the checkpoints that it needs are: without fsync.
        source = f"TEMPLATE {self.settings.db_name} STRATEGY FILE_COPY"
        await self.tell(f"CREATE DATABASE {name} {source}")
        await self.redis.flushall()
        return name

    async def drop(self, name: str) -> None:
        """End its connections and remove it; FORCE would want the right to end an autovacuum
        worker, which a plain DROP ends by itself."""
        await self.tell(f"SELECT pg_terminate_backend(pid) {_OURS.format(name)}")
        await self.tell(f"DROP DATABASE {name}")

    async def tell(self, statement: str) -> None:
        """Execute a statement, over a new connection where a test has restarted the server."""
        if self.server.is_closed():
            self.server = await asyncpg.connect(**self.address)
        await self.server.execute(statement)


@pytest_asyncio.fixture(scope="session")
async def template(
    postgres: PrivatePostgres, valkey: PrivateValkey, state_dir: Path
) -> AsyncGenerator[Template]:
    settings = _settings(postgres, valkey, "template_rfm", state_dir)
    address = database_address(settings) | {"database": "postgres"}
    server = await asyncpg.connect(**address)
    await server.execute("CREATE DATABASE template_rfm")
    await upgrade(settings)
    async with open_redis(settings, "test") as redis:
        made = Template(settings, address, server, redis)
        yield made
    await made.server.close()


@asynccontextmanager
async def fresh(template: Template, folder: Path) -> AsyncGenerator[Settings]:
    """Settings of a fresh database, an empty Valkey and an empty data folder."""
    name = await template.copied()
    made = template.settings.model_copy(update={"db_name": name, "input_dir": folder / "input"})
    made.input_dir.mkdir(parents=True)
    yield made
    await template.drop(name)


@pytest_asyncio.fixture
async def settings(template: Template, tmp_path: Path) -> AsyncGenerator[Settings]:
    """Settings of a database, a Valkey and a data folder that are the test's own."""
    async with fresh(template, tmp_path / "data") as made:
        yield made


@pytest_asyncio.fixture
async def sessions(settings: Settings) -> AsyncGenerator[Sessions]:
    async with open_sessions(settings, "test") as made:
        yield made


@pytest_asyncio.fixture
async def redis(settings: Settings) -> AsyncGenerator[Redis]:
    async with open_redis(settings, "test") as client:
        yield client
