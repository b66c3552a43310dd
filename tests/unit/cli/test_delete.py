"""`rfm score --delete`: the snapshot of a date, and nothing else."""

from datetime import UTC, datetime

import httpx
import pytest
from click.testing import CliRunner, Result

from rfm_cli.commands import ask
from rfm_cli.main import main


def delete(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[Result, list[str]]:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.raw_path.decode()}")
        day = datetime(2026, 2, 1, tzinfo=UTC).isoformat()
        return httpx.Response(200, json={"run_id": 7, "calc_date": day, "segments": []})

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(
        ask, "connect", lambda _: httpx.Client(base_url="http://rfm", transport=transport)
    )
    return CliRunner().invoke(main, ["score", *arguments]), seen


def test_the_snapshot_of_the_date_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    done, seen = delete(monkeypatch, "--delete", "2026-02-01")
    assert done.exit_code == 0, done.output
    assert "deleted the snapshot as of 2026-02-01" in done.output
    assert "run 7" in done.output
    assert [one.partition("?")[0] for one in seen] == ["GET /segments", "DELETE /snapshots/7"]
    assert "2026-02-01" in seen[0]


def test_it_takes_no_other_option(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, seen = delete(monkeypatch, "--delete", "2026-02-01", "--k", "5")
    assert (refused.exit_code, seen) == (2, [])
    assert "--delete takes no other option" in refused.output
