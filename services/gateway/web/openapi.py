"""The API's description at /openapi.json and the page to read and try it at /docs, both offline.

Handlers describe themselves; who may call what, and what every call may answer, is added here.
"""

from decimal import Decimal
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import OpenAPIType, Schema, Tag
from litestar.plugins import OpenAPISchemaPlugin
from litestar.response import Template
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler
from litestar.typing import FieldDefinition
from swagger_ui_bundle import swagger_ui_path

from gateway.kit.problems import PROBLEM
from gateway.kit.schemas import Body
from gateway.web import vocabulary
from gateway.web.security.described import SCHEMES, describe, refusals
from gateway.web.security.rules import rule_of
from rfm_common.credentials import needs_login

Json = dict[str, Any]

DESCRIPTION = """
Customer segments by recency, frequency and monetary value.

Every date has one **snapshot**; calls without `calc_date` read the newest. Lists are JSON, or
CSV with the suffix `.csv` or `Accept: text/csv`. Money is an exact decimal number. Snapshot
reads carry an `ETag`; send it as `If-None-Match` and get 304 while nothing has changed.
Errors are `application/problem+json` and name the field.
"""
TAGS = {
    "Segments": "Who belongs together, how they changed, who moved",
    "Customers": "One by one, or by filters",
    "Cohorts": "Customers by the month of their first order, and whether they came back",
    "Exports": "Everything as a file",
    "Pictures": "Charts as PNG and as pages",
    "Runs": "Scoring: on demand, in progress, done",
    "Models": "Where clusters lie and what they are called: versions, which one is in force",
    "Imports": "Dropped and uploaded files",
    "Webhooks": "Other programs that are told of new scores",
    "Settings": "The lasting settings that decide how scores are calculated",
    "Operation": "Health, live events",
}
TEXT: Json = {"schema": {"type": "string"}}
ERRORS = {
    "400": "A value does not fit; `detail` names the field",
    "422": "A query parameter that the call does not have; `detail` names the nearest that it has",
    "404": "There is no such thing; `detail` says what there is",
    "406": "The call has none of the types in `Accept`; `available` lists those that it has",
    "503": "The database is away; try again after `Retry-After` seconds",
}


def config(version: str) -> OpenAPIConfig:
    """What the framework needs to know to describe the routes."""
    return OpenAPIConfig(
        title="RFM",
        version=version,
        description=DESCRIPTION,
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        use_handler_docstrings=True,
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
    )


def document(app: Litestar) -> Json:
    """The framework's description, with what is told elsewhere than at the handlers."""
    described: Json = app.openapi_schema.to_schema()
    described["paths"] = dict(sorted(described["paths"].items()))
    described["components"]["securitySchemes"] = SCHEMES
    for kind in Body.__subclasses__():
        described["components"]["schemas"][kind.__name__]["additionalProperties"] = False
    needed = needs_login(app.state.settings)
    for path, item in described["paths"].items():
        for method, operation in item.items():
            rule = rule_of(method.upper(), path)
            describe(operation, rule, needs_login=needed)
            _complete(path, operation, ERRORS | refusals(rule, needs_login=needed))
        if f"{path}.csv" in described["paths"]:
            item["get"]["responses"]["200"]["content"] |= {"text/csv": TEXT}
    _complete_exports(described)
    vocabulary.complete(described)
    return described


def document_of(app: Litestar) -> Json:
    """The same, made once."""
    if "document" not in app.state:
        app.state.document = document(app)
    found: Json = app.state.document
    return found


def _complete_exports(described: Json) -> None:
    """Two kinds of content, and headers."""
    for path in ("/export/segments/{name}", "/export/segments/{name}/customers.csv"):
        answer = described["paths"][path]["get"]["responses"]["200"]
        answer["content"] = {"text/csv": TEXT, **answer["content"]}
        answer["description"] = "CSV; changes with `Accept: application/json` as JSON"
        answer["headers"] = {
            "X-Row-Count": {"schema": {"type": "integer"}},
            "X-Outlook": {"schema": {"type": "string", "enum": ["ready", "computing"]}},
        }


def _complete(path: str, operation: Json, errors: dict[str, str]) -> None:
    if path.endswith(".csv"):
        answer = operation["responses"]["200"]
        answer["content"] = {"text/csv": TEXT}
    responses = operation["responses"]
    responses.pop("400", None)  # the framework's own form of it
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, text in errors.items():
        responses.setdefault(status, {"description": text, "content": content})


class MoneySchema(OpenAPISchemaPlugin):
    """Decimals are JSON numbers here; the framework would call them strings."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Only Decimal."""
        return value is Decimal

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """A plain number."""
        return Schema(type=OpenAPIType.NUMBER)


@get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request[Any, Any, State]) -> Response[Json]:
    """The description, made at the first call."""
    return Response(document_of(request.app))


@get("/docs", include_in_schema=False)
async def docs() -> Template:
    """Swagger UI from the installed package."""
    return Template("docs.html")


ROUTES: list[ControllerRouterHandler] = [
    openapi_json,
    docs,
    create_static_files_router("/docs/assets", [swagger_ui_path], include_in_schema=False),
]
