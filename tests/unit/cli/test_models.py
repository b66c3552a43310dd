"""`rfm models`: what it lists."""

import io

import httpx
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from rfm_cli.commands import models
from rfm_cli.commands.models import model_table, state
from rfm_cli.main import main

ROW = {
    "version": 3, "state": "published", "in_force": True, "is_pinned": False, "k": 2,
    "is_auto": False, "transform": "log1p", "rule": "promises", "reason": "4.1% less inertia",
    "segments": ["Champions", "Hibernating"], "created_at": "2026-11-27T08:00:00Z",
}  # fmt: skip

MOVES = {
    "model_version": 3, "customers": 1200, "moved": 150,
    "moves": [{"from_segment": "At Risk", "to_segment": "Hibernating", "customers": 150}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "in force"),
        ({"is_pinned": True}, "in force, pinned"),
        ({"in_force": False}, "published"),
        ({"in_force": False, "state": "refused"}, "refused"),
    ],
)
def test_the_state_of_a_version(changed: dict[str, object], words: str) -> None:
    assert state(ROW | changed) == words


def test_a_row_says_what_the_model_is_and_why_it_came() -> None:
    sink = io.StringIO()
    Console(file=sink, width=200).print(model_table([ROW | {"is_auto": True}]))
    for word in ("3", "2026-11-27", "2 (auto)", "Champions, Hibernating", "4.1% less inertia"):
        assert word in sink.getvalue()


class Product:
    """Answers as the gateway does; each run has ended as `status` says."""

    def __init__(self, status: str = "finished", proposes: int | None = None) -> None:
        self.status, self.proposes = status, proposes
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/runs/7":
            run = {"status": self.status, "error": "no room", "model_version": self.proposes}
            return httpx.Response(200, json=run)
        self.asked.append(f"{request.method} {request.url.path}")
        if request.url.path == "/models":
            return httpx.Response(200, json={"models": [ROW]})
        if request.url.path in ("/models/4", "/models/4/refuse"):
            return httpx.Response(200, json={"version": 4, "state": "proposed", "proposal": MOVES})
        return httpx.Response(202, json={"run_id": 7, "message": "Run 7 scores with model 3."})


def call(monkeypatch: pytest.MonkeyPatch, product: Product, *arguments: str, **how: str) -> Result:
    transport = httpx.MockTransport(product)
    monkeypatch.setattr(
        models,
        "connect",
        lambda _settings: httpx.Client(transport=transport, base_url="http://rfm"),
    )
    return CliRunner().invoke(main, ["models", *arguments], **how)  # type: ignore[arg-type]


def test_a_model_is_published_once_it_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    product = Product()
    declined = call(monkeypatch, product, "publish", "3", input="n\n")
    assert (declined.exit_code, product.asked) == (1, [])
    done = call(monkeypatch, product, "publish", "3", input="y\n")
    assert (done.exit_code, product.asked) == (0, ["POST /models/3/publish"])
    assert "Run 7 scores with model 3." in done.output


def test_a_run_that_failed_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    done = call(monkeypatch, Product("failed"), "publish", "3", "--yes")
    assert (done.exit_code, "run 7 failed: no room" in done.output) == (1, True)


def test_without_a_word_the_models_are_listed_and_unpin_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = Product()
    assert "Champions" in call(monkeypatch, product).output
    assert call(monkeypatch, product, "unpin", "3").exit_code == 0
    assert product.asked == ["GET /models", "POST /models/3/unpin"]


def test_a_proposal_is_shown_with_who_would_move(monkeypatch: pytest.MonkeyPatch) -> None:
    product = Product(proposes=4)
    done = call(monkeypatch, product, "propose")
    assert product.asked == ["POST /models/proposal", "GET /models/4"]
    for word in ("150 of 1,200 customers", "At Risk", "Hibernating", "rfm models refuse 4"):
        assert word in done.output


def test_a_fit_that_changes_nothing_is_no_proposal(monkeypatch: pytest.MonkeyPatch) -> None:
    done = call(monkeypatch, Product(), "propose")
    assert (done.exit_code, "there is nothing to propose" in done.output) == (0, True)


def test_who_refuses_a_proposal_hears_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    done = call(monkeypatch, Product(), "refuse", "4")
    assert done.output == "refused model 4; model 3 is pinned\n"
