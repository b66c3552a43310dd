"""A database that goes away in the middle of a request."""

from typing import Any

import httpx
import pytest

from gateway.imports import queries
from rfm_common.db import Sessions, run_sql


async def test_an_answer_that_is_complete_is_given_although_the_connection_is_lost(
    client: httpx.AsyncClient, shop: int, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by `make prove`: giving the connection back failed, and the answer was a 500."""
    count = queries.count_imports

    async def count_and_lose(*arguments: Any) -> int:
        counted = await count(*arguments)
        async with sessions() as session:
            await run_sql(
                session,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'rfm-gateway'",
            )
        return counted

    monkeypatch.setattr(queries, "count_imports", count_and_lose)
    lost = await client.get("/imports")
    monkeypatch.undo()
    again = await client.get("/imports")
    assert (lost.status_code, again.status_code) == (200, 200)
    assert lost.json() == again.json()
