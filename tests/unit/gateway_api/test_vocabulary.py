"""The API's description leaves nothing unsaid: names, descriptions, examples, answers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.web import vocabulary
from gateway.web.app import create_app
from gateway.web.openapi import document
from gateway.web.security.rules import rule_of
from rfm_common.settings import Settings

Json = dict[str, Any]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
FIXED = {
    "GET /health": "get_health", "POST /pipeline/run": "create_run", "GET /runs": "list_runs",
    "GET /runs/{run_id}": "get_run", "GET /segments": "list_segments",
    "GET /segments/{name}/customers": "list_customers_of_segment",
    "GET /customers": "list_customers", "GET /customers.csv": "list_customers_csv",
    "GET /customers/{customer_id}": "get_customer",
    "GET /export/segments/{name}": "export_segment", "GET /migrations": "list_migrations",
    "GET /imports": "list_imports", "POST /imports": "create_imports",
    "GET /imports/{import_id}": "get_import", "GET /events": "follow_events",
    "GET /imports/{import_id}/rejects.csv": "export_rejects_csv",
    "POST /webhooks": "create_webhook",
}  # fmt: skip
"""What programs call by now; a change here breaks them."""


@pytest.fixture(scope="module")
def described() -> Json:
    """As a product says it that other machines can reach."""
    return document(create_app(Settings(_env_file=None, api_host="0.0.0.0", cdn="off")))


def calls(described: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def fields(described: Json) -> Iterator[tuple[str, str, Json]]:
    for kind, schema in described["components"]["schemas"].items():
        for name, field in schema.get("properties", {}).items():
            yield kind, name, field


def test_every_call_has_a_name_that_makes_a_good_method(described: Json) -> None:
    names = {f"{method} {path}": operation["operationId"]
             for method, path, operation in calls(described)}  # fmt: skip
    assert [name for name in names.values() if not re.fullmatch("[a-z]+(_[a-z0-9]+)+", name)] == []
    assert len(set(names.values())) == len(names)
    assert {call: names[call] for call in FIXED} == FIXED


def test_every_call_is_summed_up_and_described(described: Json) -> None:
    assert [
        (method, path) for method, path, operation in calls(described)
        if not operation.get("summary") or not operation.get("description")
    ] == []  # fmt: skip


def test_every_parameter_is_described_with_an_example(described: Json) -> None:
    assert [
        (method, path, parameter["name"])
        for method, path, operation in calls(described)
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
        or not (parameter.keys() | parameter["schema"].keys()) & {"example", "examples"}
    ] == []  # fmt: skip


def test_every_field_is_described_with_an_example(described: Json) -> None:
    """An object or a list of a type of its own has its examples there."""
    assert [
        (kind, name)
        for kind, name, field in fields(described)
        if not field.get("description") or not (field.get("examples") or "$ref" in str(field))
    ] == []


def test_every_call_says_how_it_fails(described: Json) -> None:
    for method, path, operation in calls(described):
        rule = rule_of(method, path)
        expected = {"400", "404", "422", "503"}
        expected |= {"401", "403", "429"} if rule.scope else set()
        expected |= {"413"} if method != "GET" else set()
        answers = operation["responses"]
        assert expected <= answers.keys(), (method, path)
        refusals = {status: answer for status, answer in answers.items() if status >= "400"}
        assert all(answer["description"] for answer in refusals.values())
        odd = {status for status, answer in refusals.items() if answer.get("content") != PROBLEM}
        assert odd <= {"503"}, (method, path)  # health has a body of its own
        assert bool(rule.scope) == ("security" in operation), (method, path)


def test_nothing_is_explained_that_is_not_there(described: Json) -> None:
    known = {name for _, name, _ in fields(described)}
    known |= {f"{kind}.{name}" for kind, name, _ in fields(described)}
    bounds = {
        parameter["name"][4:] for _, _, operation in calls(described)
        for parameter in operation.get("parameters", ())
    }  # fmt: skip
    assert vocabulary.FIELDS.keys() - known - bounds == set()
    names = {(path.removesuffix(".csv"), parameter["name"]) for _, path, operation
             in calls(described) for parameter in operation.get("parameters", ())}  # fmt: skip
    asked = {name for _, name in names} | {f"{path}.{name}" for path, name in names}
    assert vocabulary.PARAMETERS.keys() - asked == set()
    paths = {f"{method} {path.removesuffix('.csv')}" for method, path, _ in calls(described)}
    assert vocabulary.CALLS.keys() - paths == set()
