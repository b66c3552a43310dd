"""The API's description at /openapi.json and the page to read and try it at /docs, both offline.

The bundled Swagger UI reads OpenAPI 3.0, the framework writes 3.1; the few differences that
occur here are translated.
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

from gateway.kit.schemas import MOMENT_OR_LATEST
from gateway.web.errors import PROBLEM
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
    "Exports": "Everything as a file",
    "Pictures": "Charts as PNG and as pages",
    "Runs": "Scoring: on demand, in progress, done",
    "Imports": "Dropped and uploaded files",
    "Webhooks": "Other programs that are told of new scores",
    "Operation": "Health, live events",
}
ERRORS = {
    "400": "A value does not fit; `detail` names the field",
    "404": "There is no such thing; `detail` says what there is",
    "503": "The database is away; try again after `Retry-After` seconds",
}
PROBLEM_SCHEMA: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "example": "Not Found"},
        "status": {"type": "integer", "example": 404},
        "detail": {"type": "string", "example": "no segment 'Whales'; there are: Champions, Lost"},
        "field": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
UPLOAD_BODY: Json = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "array", "items": {"type": "string", "format": "binary"}}
                },
            }
        }
    },
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
    """The description as OpenAPI 3.0, with the answers that no signature tells."""
    described: Json = downgraded(app.openapi_schema.to_schema())
    described["openapi"] = "3.0.3"
    described["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
    described["paths"] = dict(sorted(described["paths"].items()))
    described["components"]["securitySchemes"] = SCHEMES
    needed = needs_login(app.state.settings)
    for path, item in described["paths"].items():
        for method, operation in item.items():
            rule = rule_of(method.upper(), path)
            describe(operation, rule, needs_login=needed)
            _complete(path, operation, ERRORS | refusals(rule, needs_login=needed))
    described["paths"]["/imports"]["post"]["requestBody"] = UPLOAD_BODY
    _complete_run(described)
    _complete_health(described)
    _complete_exports(described)
    _complete_webhooks(described)
    _complete_removal(described)
    _complete_decisions(described)
    return described


def _complete_run(described: Json) -> None:
    """Limits of optional fields, which the framework does not see, and the second answer."""
    body = described["components"]["schemas"]["RunBody"]
    body["additionalProperties"] = False
    body["properties"]["window_days"] |= {"minimum": 1, "maximum": 3650}
    body["properties"]["calc_date"] |= {"pattern": MOMENT_OR_LATEST, "minLength": 1}
    body["properties"]["k"]["oneOf"][0] |= {"minimum": 1, "maximum": 50}
    run = described["paths"]["/pipeline/run"]["post"]
    run["requestBody"]["required"] = False
    run["responses"]["200"] = {**run["responses"]["202"], "description": "It ended in time"}
    run["responses"]["409"] = {**run["responses"]["404"], "description": "The key means another"}
    described["components"]["schemas"]["BackfillBody"]["additionalProperties"] = False
    backfill = described["paths"]["/pipeline/backfill"]["post"]
    backfill["requestBody"]["required"] = False
    backfill["responses"]["409"] = {**backfill["responses"]["404"], "description": "No model yet"}
    cancel = described["paths"]["/runs/{run_id}/cancel"]["post"]
    cancel["responses"]["409"] = {**cancel["responses"]["404"], "description": "It has ended"}


def _complete_health(described: Json) -> None:
    """The same answer, whether well or not."""
    for path in ("/health", "/health/ready"):
        responses = described["paths"][path]["get"]["responses"]
        responses["503"] = {**responses["200"], "description": "The database is away"}


def _complete_removal(described: Json) -> None:
    """Lists that are gone, and erasures that still work."""
    rejects = described["paths"]["/imports/{import_id}/rejects.csv"]["get"]["responses"]
    rejects["410"] = {**rejects["404"], "description": "Removed for its age"}
    lift = described["paths"]["/erasures/{erasure_id}"]["delete"]["responses"]
    lift["409"] = {**lift["404"], "description": "It has not ended"}


def _complete_decisions(described: Json) -> None:
    """Bodies that are strict, and an import that does not wait."""
    for name in ("Decision", "ProfileChange"):
        described["components"]["schemas"][name]["additionalProperties"] = False
    responses = described["paths"]["/imports/{import_id}/decision"]["post"]["responses"]
    responses["409"] = {**responses["404"], "description": "It does not wait for a decision"}


def _complete_exports(described: Json) -> None:
    """Two kinds of content, and a header."""
    text: Json = {"schema": {"type": "string"}}
    for path in ("/export/segments/{name}", "/export/segments/{name}/customers.csv"):
        answer = described["paths"][path]["get"]["responses"]["200"]
        answer["content"] = {"text/csv": text, **answer["content"]}
        answer["description"] = "CSV; changes with `Accept: application/json` as JSON"
        answer["headers"] = {"X-Row-Count": {"schema": {"type": "integer"}}}


def _complete_webhooks(described: Json) -> None:
    """Bodies that are strict, and what does not fit the state of an endpoint."""
    for name in ("NewWebhook", "WebhookChange"):
        described["components"]["schemas"][name]["additionalProperties"] = False
    reasons = {
        ("/webhooks", "post"): "There are too many",
        ("/webhooks/{endpoint_id}", "patch"): "It is the one of the settings",
        ("/webhooks/{endpoint_id}", "delete"): "It is the one of the settings",
        ("/webhooks/{endpoint_id}/secret", "post"): "It is the one of the settings",
        ("/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay", "post"): "It is disabled",
    }
    for (path, method), reason in reasons.items():
        responses = described["paths"][path][method]["responses"]
        responses["409"] = {**responses["404"], "description": reason}


def _complete(path: str, operation: Json, errors: dict[str, str]) -> None:
    if path.endswith(".csv"):
        answer = operation["responses"]["200"]
        answer["content"] = {"text/csv": {"schema": {"type": "string"}}}
    for status, text in errors.items():
        schema = {"$ref": "#/components/schemas/Problem"}
        answer = {"description": text, "content": {PROBLEM: {"schema": schema}}}
        operation["responses"][status] = answer


def downgraded(node: Any) -> Any:
    """The same in the words of OpenAPI 3.0."""
    if isinstance(node, list):
        return [downgraded(item) for item in node]
    if not isinstance(node, dict):
        return node
    changed = {key: downgraded(value) for key, value in node.items()}
    if isinstance(changed.get("examples"), list):
        changed["example"] = changed.pop("examples")[0]
    if "const" in changed:
        changed["enum"] = [changed.pop("const")]
    if isinstance(changed.get("type"), list):
        changed |= _one_type(changed.pop("type"))
    return _without_null(changed)


def _one_type(kinds: list[str]) -> Json:
    """A list of types in the words of 3.0."""
    rest = [kind for kind in kinds if kind != "null"]
    chosen: Json = {"type": rest[0]} if len(rest) == 1 else {"anyOf": [{"type": k} for k in rest]}
    return {**chosen, "nullable": True} if "null" in kinds else chosen


def _without_null(schema: Json) -> Json:
    """`oneOf` with a null type becomes `nullable`."""
    choices = schema.get("oneOf")
    null = {"type": "null"}
    if not isinstance(choices, list) or null not in choices:
        return schema
    rest = [choice for choice in choices if choice != null]
    others = {key: value for key, value in schema.items() if key != "oneOf"}
    if len(rest) > 1:
        return {**others, "oneOf": rest, "nullable": True}
    if "$ref" in rest[0]:
        return {**others, "allOf": rest, "nullable": True}
    return {**rest[0], **others, "nullable": True}


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
    if "document" not in request.app.state:
        request.app.state.document = document(request.app)
    return Response(request.app.state.document)


@get("/docs", include_in_schema=False)
async def docs() -> Template:
    """Swagger UI from the installed package."""
    return Template("docs.html")


ROUTES: list[ControllerRouterHandler] = [
    openapi_json,
    docs,
    create_static_files_router("/docs/assets", [swagger_ui_path], include_in_schema=False),
]
