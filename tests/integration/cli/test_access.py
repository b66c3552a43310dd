"""`rfm key` and `rfm login` on a real database, and `rfm up` where others can reach it."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rfm_cli.commands.access import key_table
from rfm_cli.entrance import first_link
from rfm_cli.main import main
from rfm_cli.processes import free_port, port_is_free
from rfm_common.credentials import Identity
from rfm_common.db import open_sessions
from rfm_common.keys import find_key
from rfm_common.logins import find_session, open_session
from rfm_common.models import ApiKey, Scope
from rfm_common.settings import Settings
from tests.running import environment

Rfm = Callable[..., Result]


@pytest.fixture
def rfm(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rfm:
    """Runs a command of `rfm` against the test's database."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(settings, API_PORT="8701").items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def opens(settings: Settings, key: str) -> Identity | None:
    async def look() -> Identity | None:
        async with open_sessions(settings, "test") as sessions, sessions() as session:
            return await find_key(session, key)

    return asyncio.run(look())


def test_a_key_is_made_shown_once_listed_and_revoked(rfm: Rfm, settings: Settings) -> None:
    made = rfm("key", "create", "nightly", "--scope", "read", "--scope", "run")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert opens(settings, key) == Identity("key:nightly", frozenset({"read", "run"}))
    assert opens(settings, key[:-1]) is None

    listed = rfm("key", "list").stdout
    assert "nightly" in listed
    assert key[:12] in listed
    assert key[12:] not in listed

    assert rfm("key", "revoke", "nightly").exit_code == 0
    assert opens(settings, key) is None


def test_a_key_reads_unless_more_is_asked_for(rfm: Rfm, settings: Settings) -> None:
    found = opens(settings, rfm("key", "create", "plain").stdout.strip())
    assert found is not None
    assert found.scopes == {"read"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "a b"), "letters, digits"),
        (("create", "x", "--scope", "everything"), "'everything' is not one of"),
        (("revoke", "nobody"), "no key named nobody"),
    ],
)
def test_what_cannot_be_is_said(rfm: Rfm, arguments, words) -> None:
    done = rfm("key", *arguments)
    assert done.exit_code != 0
    assert words in done.output


def test_the_list_says_when_a_key_was_used_and_ended() -> None:
    moment = datetime(2026, 5, 4, 3, 2, tzinfo=UTC)
    key = ApiKey(name="k", prefix="rfm_12345678", secret_hash=b"", scopes=["read", "run"],
                 created_at=moment, last_used_at=moment)  # fmt: skip
    columns = [list(column.cells) for column in key_table([key]).columns]
    assert columns == [
        ["k"], ["rfm_12345678"], ["read, run"], ["2026-05-04 03:02"], ["2026-05-04 03:02"], [""],
    ]  # fmt: skip


def test_a_link_opens_a_session(rfm: Rfm, settings: Settings) -> None:
    link = rfm("login", "--scope", "read").stdout.strip()
    address, _, secret = link.partition("#")
    assert address == "http://127.0.0.1:8701/login"

    async def use() -> Identity | None:
        async with open_sessions(settings, "test") as sessions, sessions() as session:
            opened = await open_session(session, secret)
            return await find_session(session, opened or "")

    found = asyncio.run(use())
    assert found is not None
    assert found.scopes == {"read"}


def test_who_starts_it_gets_a_link_where_a_login_is_needed(settings: Settings) -> None:
    def link(auth: str) -> str | None:
        given = settings.model_copy(update={"auth": auth})
        return asyncio.run(first_link(given, "http://127.0.0.1:8701"))

    async def use(secret: str) -> Identity | None:
        async with open_sessions(settings, "test") as sessions, sessions() as session:
            return await find_session(session, await open_session(session, secret) or "")

    assert link("on") is None
    address, _, secret = (link("required") or "").partition("#")
    assert address == "http://127.0.0.1:8701/login"
    found = asyncio.run(use(secret))
    assert found is not None
    assert found.may(Scope.ADMIN)


def test_up_refuses_a_reachable_address_while_nobody_could_log_in(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    done = subprocess.run(
        [sys.executable, "-m", "rfm_cli", "up"], cwd=tmp_path, check=False, text=True,
        capture_output=True, timeout=60,
        env=environment(settings, API_HOST="0.0.0.0", API_PORT=str(port)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "API_HOST=0.0.0.0 is reachable from other machines" in done.stderr
    assert "rfm key create NAME --scope admin" in done.stderr
    assert port_is_free(port)


def test_a_gateway_by_itself_refuses_as_well(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway"], cwd="/", check=False, text=True, capture_output=True,
        timeout=60, env=environment(settings, API_PORT="0", RFM_AUTH="required"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "gateway: RFM_AUTH=required, and there is no key yet" in done.stderr
