"""A query parameter that a call does not have is refused, by name."""

import pytest


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("/customers?page_sise=5", "page_sise", "did you mean page_size?"),
        ("/segments?calcdate=2024-06-30", "calcdate", "did you mean calc_date?"),
        ("/imports?xyzzy=1&page=1", "xyzzy", "there are "),
        ("/runs/1?page=1", "page", "this call has no query parameters"),
        ("/export/segments/all?sicne=2024-01-01", "sicne", "did you mean since?"),
    ],
)
async def test_a_typo_is_named_with_what_was_perhaps_meant(client, path, field, words) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert words in answer.json()["detail"]


async def test_calls_with_a_body_are_as_strict(client) -> None:
    answer = await client.post("/pipeline/run?k=4")
    assert (answer.status_code, answer.json()["field"]) == (422, "k")


async def test_what_is_described_is_accepted(client, shop) -> None:
    document = (await client.get("/openapi.json")).json()
    known = app_parameters(client)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
            assert known[path, method.upper()] == named, path
    assert (await client.get("/segments?calc_date=latest")).status_code == 200
    assert (await client.head("/segments?calc_date=latest")).status_code == 200
    assert (await client.get("/dashboard?whatever=1")).status_code == 200, "pages are lenient"


def app_parameters(client):
    from gateway.web.parameters import parameters_of  # noqa: PLC0415

    return parameters_of(client._transport.app)
