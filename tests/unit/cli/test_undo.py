"""`rfm undo`: what it asks, waits for and says."""

import httpx
import pytest
from click.testing import CliRunner

from rfm_cli.commands import undo
from rfm_cli.main import main

DONE = {"undo": None, "state": "undone", "message": "Undone: 2 orders removed."}
DECLINED = {"undo": None, "state": "loaded", "message": "Not undone: a.csv is gone."}


class Product:
    """Answers as the gateway does about import 3."""

    def __init__(self, files: int, outcome: dict[str, str | None]) -> None:
        self._files, self._outcome = files, outcome
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/imports/3":
            return httpx.Response(200, json=self._outcome)
        if request.method == "GET":
            return httpx.Response(200, json={"rows": 1200, "files": self._files, "missing": []})
        self.asked.append(str(request.url))
        return httpx.Response(202, json={"undo": "asked", "state": "loaded"})


@pytest.mark.parametrize(
    ("product", "arguments", "given", "code", "words"),
    [
        (Product(0, DONE), ["--yes"], "", 0, "Undone: 2 orders removed."),
        (
            Product(0, DONE),
            [],
            "y\n",
            0,
            "are as import 3 left them. All of them go. Undo it?",
        ),
        (Product(2, DONE), [], "y\n", 0, "Those that one of 2 other files has get the value from"),
        (Product(2, DECLINED), ["--yes", "--force"], "", 1, "Not undone: a.csv is gone."),
    ],
)
def test_an_undo_is_confirmed_and_its_outcome_told(
    monkeypatch: pytest.MonkeyPatch, *, product: Product, arguments: list[str], given: str,
    code: int, words: str,
) -> None:  # fmt: skip
    transport = httpx.MockTransport(product)
    monkeypatch.setattr(
        undo, "connect", lambda _settings: httpx.Client(transport=transport, base_url="http://rfm")
    )
    result = CliRunner().invoke(main, ["undo", "3", *arguments], input=given)
    assert (result.exit_code, words in result.output) == (code, True), result.output
    force = str("--force" in arguments).lower()
    assert product.asked == [f"http://rfm/imports/3/undo?force={force}"]


def test_who_says_no_undoes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    product = Product(0, DONE)
    transport = httpx.MockTransport(product)
    monkeypatch.setattr(
        undo, "connect", lambda _settings: httpx.Client(transport=transport, base_url="http://rfm")
    )
    assert CliRunner().invoke(main, ["undo", "3"], input="n\n").exit_code == 1
    assert not product.asked
