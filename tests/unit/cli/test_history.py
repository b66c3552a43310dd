"""`rfm score --history`: what is asked for, and what people read while the past is filled in."""

import json
from typing import Any

import httpx
import pytest

from rfm_cli import remote
from rfm_cli.client import RefusedError
from rfm_cli.history import fill_history

MONTHS = ("2024-04", "2024-05")


class Product:
    """Queues a run for each month; each waits, works and ends as told."""

    def __init__(self, *ends: dict[str, Any]) -> None:
        self.asked: list[Any] = []
        self.followed: list[str] = []
        self._runs = {
            f"/runs/{number}": iter([
                {"status": "queued", "progress": {}},
                {"status": "running", "progress": {"step": "load", "percent": 20}},
                {"progress": {"step": "publish", "percent": 100}, "error": None, **end},
            ])
            for number, end in enumerate(ends, 7)
        }  # fmt: skip

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/pipeline/backfill":
            self.asked.append(json.loads(request.content))
            return httpx.Response(202, json=self._accepted())
        if path == "/snapshots":
            return httpx.Response(200, json={"snapshots": [{"run_id": 1}] * 1234})
        self.followed.append(path)
        return httpx.Response(200, json=next(self._runs[path]))

    def _accepted(self) -> dict[str, Any]:
        runs = [
            {"run_id": number, "status": "queued", "calc_date": f"{month}-30T23:59:59.999999Z"}
            for number, month in zip(range(7, 7 + len(self._runs)), MONTHS, strict=False)
        ]
        return {"runs": runs, "message": f"past months to fill in: {len(runs)}"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two looks at a run."""
    monkeypatch.setattr(remote, "_POLL", 0)


def fill(product: Any, months: int | None = None) -> int:
    with httpx.Client(base_url="http://rfm", transport=httpx.MockTransport(product)) as client:
        return fill_history(client, months)


@pytest.mark.parametrize(("months", "body"), [(None, {}), (12, {"months": 12})])
def test_the_product_decides_what_was_not_said(months: int | None, body: dict[str, int]) -> None:
    product = Product()
    fill(product, months)
    assert product.asked == [body]


def test_every_run_is_followed_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    product = Product({"status": "finished"}, {"status": "finished"})
    assert fill(product) == 0
    assert product.followed == ["/runs/7"] * 3 + ["/runs/8"] * 3
    said = capsys.readouterr()
    assert said.out == "past months to fill in: 2\nsnapshots: 1,234\n"
    assert said.err == ""


def test_a_month_without_scores_is_named_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    product = Product({"status": "failed", "error": "disk full"}, {"status": "cancelled"})
    assert fill(product) == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "2024-04: run 7 failed: disk full",
        "2024-05: run 8 cancelled: no reason given",
    ]
    assert said.out.endswith("snapshots: 1,234\n")


def test_months_of_which_some_have_scores_are_told_from_none() -> None:
    assert fill(Product({"status": "finished"}, {"status": "failed", "error": "disk full"})) == 3


def test_a_shop_without_a_past_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert fill(Product()) == 0
    assert "past months to fill in: 0" in capsys.readouterr().out


def test_without_a_model_it_says_what_to_do_first() -> None:
    answer = {"title": "Conflict", "detail": "There is no model yet: score once, then ..."}
    with pytest.raises(RefusedError, match="Conflict: There is no model yet: score once"):
        fill(lambda _: httpx.Response(409, json=answer))
