"""Servers of one's own that cannot be used: one sentence, which setting, what to do."""

from collections.abc import Mapping
from typing import Any

import pytest

from rfm_cli import preflight
from rfm_cli.commands.doctor import examine
from rfm_cli.database import reach
from rfm_cli.preflight import check_database, check_servers, redis_problem
from rfm_cli.processes import ServerError
from rfm_common import database_words
from rfm_common.database_words import too_old
from rfm_common.settings import Settings

WRONG: Mapping[str, tuple[dict[str, Any], str]] = {
    "password": ({"db_password": "wrong"}, "refuses the password of rfm: check DB_USER and DB_P"),
    "user": ({"db_user": "nobody"}, "does not let nobody in: check DB_USER, and pg_hba.conf"),
    "database": ({"db_name": "nosuch"}, "has no database nosuch: check DB_NAME, or create it"),
    "host": ({"db_host": "no.such.host.invalid"}, "There is no machine 'no.such.host.invalid'"),
    "port": ({"db_port": 1}, "No PostgreSQL answers at 127.0.0.1:1: check DB_HOST and DB_PORT"),
}


def changed(settings: Settings, changes: dict[str, Any]) -> Settings:
    known = settings.model_dump(exclude_unset=True) | changes
    return Settings(_env_file=None, **known)  # type: ignore[call-arg]


@pytest.mark.parametrize(("changes", "words"), WRONG.values(), ids=WRONG)
async def test_a_wrong_address_is_one_sentence(settings, changes, words) -> None:
    wrong = changed(settings, changes)
    with pytest.raises(ServerError) as refused:
        await check_servers(wrong)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    found = {check.name: check for check in await examine(wrong)}["database"]
    assert (found.state, found.found) == ("fail", str(refused.value))


def test_commands_on_the_database_say_the_same(settings) -> None:
    with (
        pytest.raises(ServerError, match="check DB_NAME"),
        reach(changed(settings, WRONG["database"][0])),
    ):
        pass


async def test_an_old_server_is_refused(settings, monkeypatch) -> None:
    assert too_old(settings, 150004) == (
        f"PostgreSQL 15.4 runs at 127.0.0.1:{settings.db_port}; RFM needs 16 or newer: upgrade it,"
        " or unset DB_HOST to use the private server of rfm up"
    )
    assert too_old(settings, 160000) is None
    monkeypatch.setattr(database_words, "OLDEST", 99)
    with pytest.raises(ServerError, match="RFM needs 99 or newer"):
        await check_database(settings)


async def test_a_user_who_may_make_no_tables_is_told_who_can_help(settings, monkeypatch) -> None:
    monkeypatch.setattr(
        preflight, "_MAY_CREATE", "SELECT has_schema_privilege('pg_toast', 'CREATE')"
    )
    owner = f"ALTER DATABASE {settings.db_name} OWNER TO rfm"
    with pytest.raises(ServerError, match=f"rfm may not create tables in the database .*{owner}"):
        await check_database(settings)


async def test_redis_that_is_away_is_named_and_no_reason_to_stop(settings, caplog) -> None:
    away = changed(settings, {"redis_url": "redis://127.0.0.1:1/0"})
    await check_servers(away)
    assert "REDIS_URL: " in caplog.text
    assert await redis_problem(settings) is None


async def test_a_wrong_password_of_redis_is_told_without_it(settings) -> None:
    url = settings.redis_url.get_secret_value()
    address = url.rsplit("@", 1)[-1]
    told = await redis_problem(changed(settings, {"redis_url": f"redis://:hunter2@{address}"}))
    assert told
    assert "REDIS_URL: " in told
    assert "hunter2" not in told
