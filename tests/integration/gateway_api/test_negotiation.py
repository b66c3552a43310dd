"""What is refused is named as the client knows it; answers have the type that is asked for."""

from html import unescape

import pytest

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "field", "allowed"),
    [
        ("/imports?state=foo", "state", {"reading", "loaded", "quarantined"}),
        ("/runs?status=loaded", "status", {"queued", "finished", "failed"}),
        ("/customers?sort=name", "sort", {"customer_id", "-monetary"}),
        ("/visualization/plot?plot_type=pie", "plot_type", {"recency_monetary"}),
        ("/export/segments/all?mode=some", "mode", {"full", "changes"}),
    ],
)
@pytest.mark.usefixtures("shop")
async def test_a_value_that_is_none_of_a_few_names_those(client, path, field, allowed) -> None:
    answer = await client.get(path)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert allowed <= set(error["allowed"])
    assert all(value in answer.json()["detail"] for value in allowed)


@pytest.mark.parametrize(
    ("call", "body", "field", "words"),
    [
        ("POST /pipeline/run", {"transform": "square"}, "transform", "log1p"),
        ("POST /pipeline/run", {"window_days": 0}, "window_days", ">= 1"),
        ("POST /pipeline/run", {"windows": 3}, "body", "unknown field `windows`"),
        ("PATCH /settings", {"window_days": "x"}, "window_days", "a whole number"),
        ("POST /webhooks", {"url": 7}, "url", "Expected `str`"),
    ],
)
async def test_fields_of_a_body_are_named(client, call, body, field, words) -> None:
    answer = (await client.request(*call.split(), json=body)).json()
    assert answer["status"] == 400
    named = [answer.get("field"), *(item["field"] for item in answer.get("errors", ()))]
    assert field in named
    assert words in answer["detail"]
    assert "data:" not in answer["detail"]
    assert "$" not in answer["detail"]


@pytest.mark.parametrize("path", ["/imports", "/snapshots", "/runs", "/models"])
async def test_a_list_comes_as_the_type_that_is_asked_for(client, path) -> None:
    for kind in ("application/json", "text/csv"):
        answer = await client.get(path, headers={"Accept": kind})
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)


@pytest.mark.parametrize(
    ("path", "accept", "kinds"),
    [
        ("/imports", "application/xml", ["application/json", "text/csv"]),
        ("/imports.csv", "application/json", ["text/csv"]),
        ("/settings", "text/csv", ["application/json"]),
        ("/visualization/plot", "image/webp", ["image/png"]),
        ("/export/segments/all", "application/json", ["text/csv"]),
    ],
)
@pytest.mark.usefixtures("shop")
async def test_a_type_that_a_call_does_not_have_is_refused(client, path, accept, kinds) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.json()["available"]) == (406, kinds)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_button_of_a_page_is_carried_out_and_its_errors_are_problems(client) -> None:
    """htmx asks for text/html, whatever the call answers with."""
    button = {"Accept": "text/html", "HX-Request": "true"}
    assert (await client.delete("/demo", headers=button)).is_success
    refused = await client.post("/runs/999/cancel", headers=button)
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("accept", ["text/*, image/png;q=0.1", "*/*", "image/*", ""])
async def test_wildcards_are_taken(client, shop, accept) -> None:
    answer = await client.get("/visualization/plot", headers={"Accept": accept})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nope", 404), ("/dashboard/nope", 404), ("/customers/nobody", 404), ("/imports/x", 404),
     ("/imports?page=0", 400), ("/imports?pages=1", 422)],
)  # fmt: skip
async def test_an_error_is_a_page_for_browsers_and_a_problem_for_programs(
    client, path, status
) -> None:
    page = await client.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert 'href="/dashboard"' in page.text
    problem = await client.get(path)
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == status
    assert problem.json()["detail"] in unescape(page.text)
