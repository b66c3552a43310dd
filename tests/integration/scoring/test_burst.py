"""Files that come together are scored together, but nothing waits for long."""

import pytest
from sqlalchemy import text

from rfm_common.db import run_sql
from scoring.runs import queue

LEDGER = """
INSERT INTO imports (file_name, state, size_bytes, data_version, finished_at, stored_path)
VALUES ('first.csv', 'loaded', 1, 1, now() - CAST(:age AS interval), 'archive/1-first.csv'),
       ('second.csv', :state, 1, NULL, NULL, :place)
"""


async def is_queued(settings, sessions, age: str, state: str, place: str) -> bool:
    async with sessions() as session, session.begin():
        connection = await session.connection()
        statement = text(LEDGER.replace(":age", f"'{age}'"))
        await connection.execute(statement, {"state": state, "place": place})
        await run_sql(session, "UPDATE data_state SET data_version = 1")
        return await queue.queue_if_behind(session, settings)


@pytest.mark.parametrize(
    ("age", "second", "queued"),
    [
        ("1 second", "reading", False),
        ("50 seconds", "reading", False),
        ("61 seconds", "reading", True),
        ("0", "quarantined", True),
        ("0", "needs_decision", True),
    ],
)
async def test_a_run_waits_for_files_that_are_being_read(
    settings, sessions, age: str, second: str, queued: bool
) -> None:
    assert await is_queued(settings, sessions, age, second, "input/second.csv") is queued


@pytest.mark.parametrize(
    ("name", "age", "queued"),
    [
        ("third.csv", "1 second", False),
        ("third.csv", "61 seconds", True),
        ("third.csv.part", "1 second", True),  # nobody knows when it will be complete
        (".hidden.csv", "1 second", True),
        ("mapping.toml", "1 second", True),
        ("second.csv", "1 second", True),  # decided; it could not be moved away
    ],
)
async def test_a_run_waits_for_files_that_lie_in_the_folder(
    settings, sessions, name: str, age: str, queued: bool
) -> None:
    settings.input_dir.mkdir(parents=True, exist_ok=True)
    (settings.input_dir / name).write_text("order_id\n")
    assert await is_queued(settings, sessions, age, "duplicate", "input/second.csv") is queued


async def test_a_folder_that_cannot_be_looked_at_holds_up_nothing(
    settings, sessions, tmp_path
) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    elsewhere = settings.model_copy(update={"input_dir": loop})
    assert await is_queued(elsewhere, sessions, "1 second", "duplicate", "archive/2-second.csv")


async def test_data_that_came_without_a_file_waits_for_none(settings, sessions) -> None:
    settings.input_dir.mkdir(parents=True, exist_ok=True)
    (settings.input_dir / "third.csv").write_text("order_id\n")
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE data_state SET data_version = 1")
        assert await queue.queue_if_behind(session, settings)
