"""What does not fit, under the name that the client knows, with the values that would."""

import re
from collections.abc import Iterator
from typing import Any

from litestar import Request
from litestar.exceptions import ValidationException
from litestar.routes import HTTPRoute

from gateway.web.openapi import document_of

AnyRequest = Request[Any, Any, Any]
Json = dict[str, Any]
ENUM = "Invalid enum value"
PLACE = re.compile(r" - at `\$\.?(.+?)`$")
BODY = "data"
"""What handlers call a body."""


def fields_of(request: AnyRequest, error: ValidationException) -> list[Json]:
    """Each parameter, or field of a body, that does not fit."""
    found = error.extra if isinstance(error.extra, list) else []
    return [_field(request, item) for item in found if isinstance(item, dict)]


def _field(request: AnyRequest, item: Json) -> Json:
    message = str(item.get("message", ""))
    name = str(item.get("key") or item.get("source") or "body")
    place = PLACE.search(message)
    message = PLACE.sub("", message)
    if name == BODY:
        name = place[1] if place else "body"
    name = _alias(request, name)
    choices = choices_of(request, name, message)
    return {"field": name, "message": with_choices(message, choices), **choices}


def choices_of(request: AnyRequest, name: str, message: str) -> Json:
    """The values that are allowed, where the message is about one that is not among them."""
    if not message.startswith((ENUM, f"{name}: {ENUM}")):
        return {}
    described = document_of(request.app)
    operation = _operation(request, described)
    schemas = [one["schema"] for one in operation.get("parameters", ()) if one["name"] == name]
    for kind in operation.get("requestBody", {}).get("content", {}).values():
        fields = _resolved(described, kind["schema"]).get("properties", {})
        schemas += [fields[name]] if name in fields else []
    allowed = list(dict.fromkeys(value for one in schemas for value in _enum(described, one)))
    return {"allowed": allowed} if allowed else {}


def with_choices(message: str, members: Json) -> str:
    """The message, with what is allowed if it is not said yet."""
    if ENUM not in message or "allowed" not in members:
        return message
    return f"{message}; one of {', '.join(map(str, members['allowed']))}"


def _alias(request: AnyRequest, name: str) -> str:
    """What the client calls a parameter of the handler."""
    for route in request.app.routes:
        if isinstance(route, HTTPRoute) and route.path_format == request.scope["path_template"]:
            _, model = route.route_handler_map[request.method]
            known = (*model.expected_query_params, *model.expected_header_params)
            return next((str(one.field_alias) for one in known if one.field_name == name), name)
    return name


def _operation(request: AnyRequest, described: Json) -> Json:
    item: Json = described["paths"].get(request.scope["path_template"], {})
    found: Json = item.get(request.method.lower(), {})
    return found


def _resolved(described: Json, schema: Json) -> Json:
    for one in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), schema):
        if "$ref" in one:
            name = one["$ref"].rpartition("/")[2]
            found: Json = described["components"]["schemas"][name]
            return found
    return schema


def _enum(described: Json, schema: Json) -> Iterator[Any]:
    schema = _resolved(described, schema)
    yield from (value for value in schema.get("enum", ()) if value is not None)
    for one in (*schema.get("oneOf", ()), schema.get("items", {})):
        if one:
            yield from _enum(described, one)
