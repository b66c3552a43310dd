"""A table that somebody holds: who needs it is told to come again, and others get their answer."""

import asyncio

import httpx
import pytest

from gateway.web import app
from rfm_common.db import Sessions
from tests.faults.scoring.fleet import locked

BOUND = 25
"""Seconds within which everything is answered, on a crowded machine too; before, none was."""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "PATIENCE", 1)


async def asked(client: httpx.AsyncClient, *paths: str) -> list[httpx.Response]:
    async with asyncio.timeout(BOUND):
        return await asyncio.gather(*(client.get(path) for path in paths))


@pytest.mark.parametrize(("table", "paths"), [
    ("scoring_runs", ["/runs", "/runs.csv", "/segments", "/snapshots", "/dashboard/runs"]),
    ("imports", ["/imports", "/imports.csv", "/dashboard/imports", "/imports/1"]),
    ("rfm_features", ["/segments/at-risk/customers", "/export/segments/all", "/customers.csv"]),
    ("data_state", ["/segments", "/customers", "/dashboard"]),
])  # fmt: skip
async def test_who_needs_it_is_told_to_come_again(
    shop: int, client: httpx.AsyncClient, sessions: Sessions, table: str, paths: list[str]
) -> None:
    async with locked(sessions, table, "ACCESS EXCLUSIVE"):
        answers = await asked(client, *paths)
    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), answer.url
        assert "locked" in answer.text
    again = await asked(client, *paths)
    assert {answer.status_code for answer in again} <= {200, 404}


async def test_others_get_an_answer_while_many_wait(
    shop: int, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    """More wait than there are connections; the next one is answered in time all the same."""
    async with locked(sessions, "scoring_runs", "ACCESS EXCLUSIVE"):
        answers = await asked(client, *["/runs"] * 30, "/imports")
    assert {answer.status_code for answer in answers[:-1]} == {503}
    assert answers[-1].status_code in {200, 503}
    assert answers[-1].headers.get("retry-after", "2") == "2"
    assert (await asked(client, "/imports"))[0].status_code == 200
