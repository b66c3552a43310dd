"""The self-check as a page: it runs, and says what differs or why there is no result."""

import json

import pytest

from gateway.operation import selfcheck
from tests.integration.gateway_pages.test_pages import read, words

PAGE = "/dashboard/selfcheck"


async def test_the_button_compares_with_what_is_published(shop) -> None:
    before = await read(shop, PAGE)
    assert '<form method="post" action="/dashboard/selfcheck"' in before
    assert "<table" not in before
    assert 'href="/dashboard/selfcheck"' in await read(shop, "/dashboard/help")
    done = await shop.post(PAGE)
    assert done.status_code == 200
    text = words(done.text)
    assert "All 33 figures are as published." in text
    assert "BG/NBD log-likelihood -9582.4 -9582.4 yes [5]" in text
    assert "Counting Your Customers the Easy Way" in text


def says(output: object) -> tuple[str, str]:
    return "-c", f"print({json.dumps(json.dumps(output))})"


async def test_what_differs_is_named_first(shop, monkeypatch) -> None:
    row = {"about": "gamma-gamma <p>", "published": "6.25", "computed": "6.24", "source": "<b>"}
    monkeypatch.setattr(selfcheck, "PROGRAM", says([row | {"agrees": False}]))
    done = await shop.post(PAGE)
    assert "1 of 1 figures are not as published: gamma-gamma &lt;p&gt;." in done.text
    assert "<b>" not in done.text


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (("-c", "raise SystemExit('connection refused')"), "connection refused"),
        (("-c", ""), "it ended without a result"),
        (("-c", "print('half a lis')"), "it ended without a result"),
        (says([{"about": "r"}]), "it ended without a result"),
    ],
)
async def test_without_a_result_the_page_says_why(shop, monkeypatch, program, why) -> None:
    monkeypatch.setattr(selfcheck, "PROGRAM", program)
    done = await shop.post(PAGE)
    assert done.status_code == 503
    assert f"The self-check could not be run: {why}." in words(done.text)


async def test_who_waits_for_too_long_is_told(shop, monkeypatch) -> None:
    monkeypatch.setattr(selfcheck, "PROGRAM", ("-c", "import sys; sys.stdin.read()"))
    monkeypatch.setattr(selfcheck, "SECONDS", 0)
    done = await shop.post(PAGE)
    assert "it took longer than 0 seconds" in words(done.text)


async def test_without_the_code_of_scoring_the_page_says_what_to_call(shop, monkeypatch) -> None:
    monkeypatch.setattr(selfcheck, "find_spec", lambda name: None)
    html = await read(shop, PAGE)
    assert "docker compose exec scoring python -m scoring.selfcheck" in html
    assert '<form method="post" action="/dashboard/selfcheck"' not in html
