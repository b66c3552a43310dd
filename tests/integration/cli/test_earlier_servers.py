"""Private servers that an earlier version made: their data is kept, what was unsafe is not."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from rfm_cli.folders import StateFolderError
from rfm_cli.postgres import PrivatePostgres, programs
from rfm_cli.server import PrivateServer
from rfm_cli.users import OWN_USER, Identity, credentials, server_user
from rfm_cli.valkey import PrivateValkey
from tests.integration.cli.test_servers import query
from tests.unit.cli.test_users import NOBODY, as_root

PASSWORD = "the-earlier-password"
SCRIPT = """CREATE DATABASE rfm;

"""
TABLES = """CREATE TABLE kept AS SELECT 42 AS answer;

CREATE TYPE mood AS ENUM ('good');

CREATE TABLE numbered (id serial PRIMARY KEY, felt mood);

CREATE TABLE parts (a int) PARTITION BY LIST (a);

CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);

CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';

CREATE VIEW seen AS SELECT * FROM kept;

CREATE SCHEMA mine;

CREATE TABLE mine.too (a int);

"""


@pytest.fixture
def folder() -> Generator[Path]:
    made = Path(tempfile.mkdtemp(prefix="rfm-earlier-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def earlier_postgres(home: Path, user: Identity | None) -> None:
    """What version 0.1 made: all of it the server's, and the services a superuser."""
    home.mkdir(mode=0o700)
    (home / "password").write_text(PASSWORD)
    (home / "port").write_text("23456")
    if user:
        for path in (home, *home.iterdir()):
            os.chown(path, user.uid, user.gid)
    run(user, programs(user) / "initdb", "-D", home / "data", "-U", "rfm", "-E", "UTF8",
        "-A", "scram-sha-256", "--pwfile", home / "password", "--no-sync",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # fmt: skip
    single = (programs(user) / "postgres", "--single", "-j", "-D", home / "data")
    run(user, *single, "postgres", script=SCRIPT)
    run(user, *single, "rfm", script=TABLES)


def run(user: Identity | None, *command: str | Path, script: str = "") -> None:
    subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, cwd="/",
        input=script, **credentials(user),
    )  # fmt: skip


async def check_postgres(server: PrivatePostgres) -> None:
    assert await query(server, "SELECT answer FROM seen") == 42
    assert await query(server, "SELECT rolsuper FROM pg_roles WHERE rolname = 'rfm'") is False
    foreign = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname IN ('public', 'mine') AND pg_get_userbyid(relowner) <> 'rfm'"""
    assert await query(server, foreign) == 0
    for statement in (
        "DROP TABLE numbered, parts, mine.too", "DROP TYPE mood", "DROP SCHEMA mine",
        "DROP FUNCTION one()", "CREATE TABLE new (a int)",
    ):  # fmt: skip
        await query(server, statement)


async def test_the_services_lose_rights_and_no_data(folder: Path) -> None:
    """Of the user who runs this, or under root of somebody who ran servers before."""
    home = folder / "postgres"
    earlier_postgres(home, NOBODY if os.geteuid() == 0 else None)
    server = PrivatePostgres(home)
    server.start()
    try:
        await check_postgres(server)
        assert server.port == 23456, "people keep it in other tools"
        assert (server.password == PASSWORD) is (os.geteuid() != 0), "others could read it"
        assert not (home / "password").exists()
        server.stop()
        again = PrivatePostgres(home)
        again.start()
        assert again.environment() == server.environment()
        again.stop()
    finally:
        server.stop()


@as_root
@pytest.mark.parametrize(
    "name", ["postgres.log", "postgres.log.old", "password", "rfm.password", "port",
             "pg_hba.conf", "port.new", "data.new", "data/postmaster.pid", "pid"]
)  # fmt: skip
def test_root_follows_no_name_that_another_user_left(folder: Path, name: str) -> None:
    precious = folder / "precious"
    precious.write_text("23456")
    precious.chmod(0o600)
    home = folder / "postgres"
    (home / "data").mkdir(parents=True)
    (home / "data" / "PG_VERSION").write_text("18\n")  # no cluster: the start fails in the end
    (home / name).symlink_to(precious)
    give_all(home, NOBODY)
    server = PrivatePostgres(home)
    with pytest.raises(Exception, match="postgres"):
        server.start()
    server.stop()
    assert (precious.read_text(), precious.stat().st_uid) == ("23456", 0)
    assert stat.S_IMODE(precious.stat().st_mode) == 0o600
    check_owners(server)


@as_root
def test_root_gives_no_file_away_that_has_another_name(folder: Path) -> None:
    precious = folder / "precious"
    precious.write_text("mine")
    home = folder / "valkey"
    (home / "appendonlydir").mkdir(parents=True)
    give_all(home, NOBODY)
    (home / "appendonlydir" / "hard").hardlink_to(precious)
    (home / "valkey.log").hardlink_to(precious)
    server = PrivateValkey(home)
    server.prepare()
    assert (precious.read_text(), precious.stat().st_uid) == ("mine", 0)
    assert not (home / "valkey.log").exists()


def give_all(home: Path, user: Identity) -> None:
    for path in (home, *home.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def check_owners(server: PrivateServer) -> None:
    """Everything is root's but the data."""
    assert server.home.stat().st_uid == 0
    assert stat.S_IMODE(server.home.stat().st_mode) == 0o711
    user = server_user()
    assert user
    for path in server.home.iterdir():
        assert path.lstat().st_uid == (user.uid if path.name == "data" else 0), path


@as_root
def test_the_servers_of_root_have_a_user_of_their_own(folder: Path) -> None:
    earlier_postgres(folder / "postgres", NOBODY)
    server = PrivatePostgres(folder / "postgres")
    server.start()
    try:
        check_owners(server)
        assert server.process
        process = Path(f"/proc/{server.process.pid}")
        assert process.owner() == OWN_USER
        assert {path.owner() for path in server.data.rglob("*")} == {OWN_USER}
    finally:
        server.stop()


@as_root
def test_root_does_not_use_the_servers_of_another_user(folder: Path) -> None:
    (folder / "postgres").mkdir()
    os.chown(folder / "postgres", 12345, 12345)
    with pytest.raises(StateFolderError, match="belongs to user 12345: become that user"):
        PrivatePostgres(folder / "postgres").start()
    os.chown(folder, 12345, 12345)
    with pytest.raises(StateFolderError, match="belongs to user 12345"):
        PrivateValkey(folder / "valkey").start()


async def test_valkey_keeps_what_it_held(folder: Path) -> None:
    home = folder / "valkey"
    first = PrivateValkey(home)
    first.start()
    async with Redis(host="127.0.0.1", port=first.port, password=first.password) as client:
        await client.set("kept", "42")
    first.stop()
    (first.data / "appendonlydir").rename(home / "appendonlydir")
    first.data.rmdir()
    (home / "valkey.conf").write_text(f"requirepass {first.password}\n")
    if os.geteuid() == 0:
        give_all(home, NOBODY)

    again = PrivateValkey(home)
    again.start()
    try:
        async with Redis(host="127.0.0.1", port=again.port, password=again.password) as client:
            assert await client.get("kept") == b"42"
    finally:
        again.stop()
    assert not (home / "valkey.conf").exists()
