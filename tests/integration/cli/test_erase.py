"""`rfm erase`: through the running product, and without one."""

import asyncio

import httpx
import pytest
from click.testing import CliRunner, Result

from rfm_cli.commands import erase as command
from rfm_cli.main import main
from rfm_cli.processes import free_port
from rfm_common.db import run_sql
from tests.running import environment
from tests.shop import open_shop


async def run(settings, *arguments: str, **options: str) -> Result:
    known = environment(settings, API_PORT=str(free_port()))
    return await asyncio.to_thread(
        lambda: CliRunner().invoke(main, ["erase", *arguments], env=known, **options)
    )


async def test_without_the_product_the_rows_go_and_the_rest_follows(settings, sessions) -> None:
    await open_shop(sessions)
    asked = await run(settings, "C0001", input="n\n")
    assert (asked.exit_code, "Permanently erase C0001" in asked.output) == (1, True)
    done = await run(settings, "C0001", "--yes")
    assert done.exit_code == 0, done.output
    assert "1 customers" in done.output
    assert "as soon as ingest runs" in done.output
    async with sessions() as session:
        left = await run_sql(session, "SELECT count(*) FROM customers WHERE customer_id = 'C0001'")
        assert left.scalar() == 0
        waiting = await run_sql(session, "SELECT state, actor FROM erasures")
        assert tuple(waiting.one()) == ("requested", "cli")


async def test_an_unknown_id_is_refused_unless_it_is_meant(settings, sessions) -> None:
    refused = await run(settings, "C00O1", "--yes")
    assert (refused.exit_code, "no customer 'C00O1'" in refused.output) == (1, True)
    assert "--unknown" in refused.output
    meant = await run(settings, "C00O1", "--yes", "--unknown")
    assert (meant.exit_code, "nothing of this customer" in meant.output) == (0, True)


@pytest.mark.parametrize(("answers", "has_ended"), [(2, True), (10**6, False)])
def test_the_running_product_is_asked_until_it_is_done(monkeypatch, answers, has_ended) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.raw_path.decode()}")
        state = "finished" if len(seen) > answers else "requested"
        return httpx.Response(202, json={"erasure_id": 5, "state": state, "removed": {"orders": 3}})

    monkeypatch.setattr(command, "_POLL", 0)
    monkeypatch.setattr(command, "_PATIENCE", 60.0 if has_ended else 0.0)
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://rfm") as client:
        assert command._ask(client, "a/b@c", unknown=True) == ({"orders": 3}, has_ended)
    assert seen == [
        "DELETE /customers/a%2Fb%40c?unknown=true",
        *["GET /erasures/5"] * (answers if has_ended else 0),
    ]
