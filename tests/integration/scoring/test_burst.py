"""Files that come together are scored together, but nothing waits for long."""

import pytest

from rfm_common.db import run_sql
from scoring.runs import queue

LEDGER = """
INSERT INTO imports (file_name, state, size_bytes, data_version, finished_at)
VALUES ('first.csv', 'loaded', 1, 1, now() - CAST(:age AS interval)),
       ('second.csv', :state, 1, NULL, NULL)
"""


@pytest.mark.parametrize(
    ("age", "second", "queued"),
    [("1 second", "reading", False), ("11 seconds", "reading", True), ("0", "quarantined", True)],
)
async def test_a_run_waits_for_the_files_of_a_burst(
    settings, sessions, age: str, second: str, queued: bool
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, LEDGER.replace(":age", f"'{age}'"), state=second)
        await run_sql(session, "UPDATE data_state SET data_version = 1")
        assert await queue.queue_if_behind(session, settings) is queued
