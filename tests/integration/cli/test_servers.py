"""The private PostgreSQL and Valkey: they keep their data, their port and their password."""

import os
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.processes import ServerError, command_line
from rfm_cli.server import PrivateServer
from rfm_cli.users import credentials
from rfm_cli.valkey import PrivateValkey
from rfm_common.bus import open_redis
from rfm_common.settings import Settings


@pytest.fixture
def folder(state_dir: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=state_dir, prefix="servers-")).absolute()


@pytest.fixture(autouse=True)
def open_folder(folder: Path) -> None:
    folder.chmod(0o755)


@pytest.fixture
def database(folder: Path) -> Generator[PrivatePostgres]:
    server = PrivatePostgres(folder / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared(state_dir: Path) -> Generator[PrivatePostgres]:
    """One for questions that change nothing."""
    server = PrivatePostgres(Path(tempfile.mkdtemp(dir=state_dir)) / "postgres")
    server.home.parent.chmod(0o755)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def store(folder: Path) -> Generator[PrivateValkey]:
    server = PrivateValkey(folder / "valkey")
    server.start()
    yield server
    server.stop()


async def query(server: PrivatePostgres, statement: str, password: str | None = None) -> object:
    place = server.environment()
    connection = await asyncpg.connect(
        host=place["DB_HOST"], port=int(place["DB_PORT"]), user=place["DB_USER"],
        password=password or place["DB_PASSWORD"], database=place["DB_NAME"],
    )  # fmt: skip
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def kill(server: PrivateServer) -> None:
    assert server.process
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(30)


async def test_it_is_postgresql_18_with_a_language_independent_order(
    database: PrivatePostgres,
) -> None:
    assert str(await query(database, "SHOW server_version")).startswith("18.")
    assert await query(database, "SELECT 'B' < 'a' AND 'Z' < 'a'") is True
    assert await query(database, "SHOW listen_addresses") == "127.0.0.1"
    assert await query(database, "SHOW data_checksums") == "on"


async def test_nobody_gets_in_without_the_password(
    database: PrivatePostgres, store: PrivateValkey
) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(database, "SELECT 1", password="guess")
    stranger = Redis(host="127.0.0.1", port=store.port)
    with pytest.raises(AuthenticationError):
        await stranger.ping()
    await stranger.aclose()


def test_no_key_of_ours_is_in_the_environment_of_a_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RFM_ADMIN_KEY", "RFM_ERASURE_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD"):
        monkeypatch.setenv(name, "only-for-us")
    for kind in (PrivatePostgres, PrivateValkey):
        server = kind(folder / kind.name)
        server.start()
        assert server.process
        environment = Path(f"/proc/{server.process.pid}/environ")
        if environment.exists():
            assert b"only-for-us" not in environment.read_bytes()
        server.stop()


def test_passwords_are_in_no_command_line_and_in_no_open_file(
    database: PrivatePostgres, store: PrivateValkey
) -> None:
    for server in (database, store):
        assert server.process
        assert server.password not in command_line(server.process.pid)
        for path in server.home.rglob("*"):
            if path.is_file() and server.password in path.read_text(errors="ignore"):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
                assert path.stat().st_uid == os.geteuid()


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY (SELECT 1) TO '/tmp/rfm-pwned'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        "ALTER SYSTEM SET archive_command = 'id'",
        "ALTER ROLE rfm SUPERUSER",
        "CREATE ROLE another SUPERUSER",
        "GRANT pg_execute_server_program TO rfm",
        "SET ROLE postgres",
        "SELECT rolpassword FROM pg_authid",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc.so.6', 'system'",
        "CREATE DATABASE another",
    ],
)
async def test_the_services_own_their_database_and_nothing_else(
    shared: PrivatePostgres, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(shared, statement)


async def test_nobody_logs_in_as_the_superuser(shared: PrivatePostgres) -> None:
    for password in ("", shared.password):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(
                host="127.0.0.1", port=shared.port, user="postgres", password=password,
                database="postgres",
            )  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="a normal user is no root")
def test_under_root_they_run_as_somebody_else(
    database: PrivatePostgres, store: PrivateValkey
) -> None:
    for server in (database, store):
        assert server.process
        assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0


async def test_data_and_address_outlive_a_restart(database: PrivatePostgres) -> None:
    before = database.environment()
    await query(database, "CREATE TABLE kept AS SELECT 42 AS answer")
    database.stop()
    again = PrivatePostgres(database.home)
    again.start()
    try:
        assert await query(again, "SELECT answer FROM kept") == 42
        assert again.environment() == before, "people keep the port in other tools"
    finally:
        again.stop()


async def test_a_killed_postgres_recovers_on_the_same_port(database: PrivatePostgres) -> None:
    port = database.port
    await query(database, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill(database)
    database.start()
    assert await query(database, "SELECT answer FROM kept") == 42
    assert database.port == port


async def test_a_killed_valkey_recovers_on_the_same_port(store: PrivateValkey) -> None:
    port = store.port
    settings = Settings(_env_file=None, redis_url=store.environment()["REDIS_URL"])
    async with open_redis(settings, "test") as client:
        await client.xadd("rfm:events", {"type": "run.finished"})
        kill(store)
        store.start()
        assert store.port == port
        assert await client.xlen("rfm:events") == 1, "and clients find it again by themselves"


def test_a_usual_port_that_is_taken_meanwhile_is_left_to_the_other(store: PrivateValkey) -> None:
    port = store.port
    store.stop()
    with socket.create_server(("127.0.0.1", port)):
        again = PrivateValkey(store.home)
        again.start()
        try:
            assert again.port != port
        finally:
            again.stop()


@pytest.mark.parametrize("kind", [PrivatePostgres, PrivateValkey])
def test_a_server_that_outlived_its_supervisor_is_ended_first(
    folder: Path, kind: type[PrivateServer]
) -> None:
    """On Linux it dies with its supervisor; elsewhere the next start finds it."""
    orphan = kind(folder / kind.name)
    orphan.start()
    assert orphan.process
    # Somebody has to reap it, as init does with an orphan.
    reaping = signal.signal(signal.SIGCHLD, lambda *_: orphan.process and orphan.process.poll())
    again = kind(folder / kind.name)
    try:
        again.start()
        assert orphan.process.wait(30) == 0, "it was asked, not killed"
        assert again.is_running()
    finally:
        signal.signal(signal.SIGCHLD, reaping)
        again.stop()


async def test_a_process_with_the_number_of_a_dead_postgres_is_no_obstacle(
    database: PrivatePostgres,
) -> None:
    """After a crash of the machine, postmaster.pid names whoever has that number now."""
    await query(database, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill(database)
    with subprocess.Popen(["sleep", "600"], **credentials(database.user)) as other:
        path = database.data / "postmaster.pid"
        path.write_text("\n".join([str(other.pid), *path.read_text().split("\n")[1:]]))
        database.start()
        assert await query(database, "SELECT answer FROM kept") == 42
        assert other.poll() is None, "it is not ours to end"
        other.kill()


def test_an_initdb_that_was_cut_off_is_begun_again(folder: Path) -> None:
    server = PrivatePostgres(folder / "postgres")
    (server.home / "data.new").mkdir(parents=True)
    (server.home / "data.new" / "PG_VERSION").write_text("18")
    server.start()
    server.stop()
    assert not (server.home / "data.new").exists()


def test_a_server_that_cannot_start_says_why(database: PrivatePostgres) -> None:
    database.stop()
    (database.data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServerError, match=r"(?s)postgres did not start.*incompatible with server"):
        database.start()


def test_stopping_twice_or_before_the_start_is_fine(folder: Path) -> None:
    server = PrivateValkey(folder / "valkey")
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert not server.is_running()


def test_stop_ends_one_that_does_not_listen(store: PrivateValkey) -> None:
    assert store.process
    os.kill(store.process.pid, signal.SIGSTOP)
    store.stop(seconds=0.2)
    assert store.process.returncode == -signal.SIGKILL


def test_a_long_log_is_put_aside(store: PrivateValkey) -> None:
    store.stop()
    with store.log.open("a") as log:
        log.truncate(10_000_001)
    store.start()
    assert store.log.stat().st_size < 1_000_000
    assert store.log.with_suffix(".log.old").exists()
