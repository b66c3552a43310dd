"""`rfm exclude` and `rfm include`: what they ask for and say."""

import httpx
import pytest
from click.testing import CliRunner, Result

from rfm_cli.commands import exclude
from rfm_cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, *arguments: str) -> Result:
    transport = httpx.MockTransport(lambda request: _noted(request, answer))
    monkeypatch.setattr(
        exclude, "connect",
        lambda _settings: httpx.Client(transport=transport, base_url="http://rfm"),
    )  # fmt: skip
    ASKED.clear()
    return CliRunner().invoke(main, arguments)


ASKED: list[tuple[str, str]] = []


def _noted(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
    ASKED.append((request.method, request.url.raw_path.decode()))
    return answer


@pytest.mark.parametrize(
    ("command", "method", "said"),
    [("exclude", "PUT", "is excluded from"), ("include", "DELETE", "is included from")],
)
@pytest.mark.parametrize(
    ("customer", "written"),
    [("C001", "C001"), ("Case@Ex.test", "Case%40Ex.test"), ("2024/17 ä", "2024%2F17%20%C3%A4")],
)
def test_the_customer_is_named_whole(
    monkeypatch: pytest.MonkeyPatch, *, command: str, method: str, said: str, customer: str,
    written: str,
) -> None:  # fmt: skip
    result = run(monkeypatch, httpx.Response(204), command, customer)
    assert [(method, f"/customers/{written}/exclusion")] == ASKED
    assert (result.exit_code, result.output) == (0, f"{customer} {said} the next run on\n")


@pytest.mark.parametrize("command", ["exclude", "include"])
def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    body = {"title": "Not Found", "detail": "no customer 'C9'", "status": 404}
    result = run(monkeypatch, httpx.Response(404, json=body), command, "C9")
    assert result.exit_code == 1
    assert "no customer 'C9'" in result.output
