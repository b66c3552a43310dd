"""What the names in the API mean, in one place: calls, parameters and fields.

A name means the same wherever it stands, so it is described once; what a handler or a schema says
itself goes first.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Word = list[Any]
"""A description and, where one of its own is needed, an example."""

VOCABULARY: Json = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
CALLS: dict[str, str] = VOCABULARY["calls"]
PARAMETERS: dict[str, Word] = VOCABULARY["parameters"]
FIELDS: dict[str, Word] = VOCABULARY["fields"]
BOUNDS = {"min_": "At least this: ", "max_": "At most this: "}


def complete(described: Json) -> None:
    """Name the calls, and describe what has no description or no example yet."""
    for path, item in described["paths"].items():
        for method, operation in item.items():
            if name := call_name(method, path):
                operation["operationId"] = name
            for parameter in operation.get("parameters", ()):
                _complete_parameter(path, parameter)
    for kind, schema in described["components"]["schemas"].items():
        for name, field in schema.get("properties", {}).items():
            _complete_field(field, FIELDS.get(f"{kind}.{name}") or FIELDS.get(name) or [])


def call_name(method: str, path: str) -> str | None:
    """What generated clients call it; a list as CSV is called like the list itself."""
    known = CALLS.get(f"{method.upper()} {path}")
    if known or not path.endswith(".csv"):
        return known
    plain = CALLS.get(f"{method.upper()} {path.removesuffix('.csv')}")
    return plain and f"{plain}_csv"


def _complete_parameter(path: str, parameter: Json) -> None:
    word = _parameter(path.removesuffix(".csv"), parameter["name"])
    if word:
        parameter.setdefault("description", word[0])
        parameter["schema"].setdefault("description", word[0])
    if "examples" not in parameter and len(word) > 1:
        is_list = "array" in _types(parameter["schema"])
        example = [word[1]] if is_list else word[1]
        if parameter.get("required"):
            parameter.setdefault("example", example)
        else:  # Swagger UI would send an example of the parameter itself with each trial
            parameter["schema"].setdefault("examples", [example])


def _parameter(path: str, name: str) -> Word:
    known = PARAMETERS.get(f"{path}.{name}") or PARAMETERS.get(name)
    bound = BOUNDS.get(name[:4])
    if known or bound is None or name[4:] not in FIELDS:
        return known or []
    text, *example = FIELDS[name[4:]]
    return [bound + text.partition(";")[0], *example]


def _types(schema: Json) -> Iterator[str]:
    kind = schema.get("type", ())
    yield from [kind] if isinstance(kind, str) else kind
    for one in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _types(one)


def _complete_field(field: Json, word: Word) -> None:
    if word:
        field.setdefault("description", word[0])
    if len(word) > 1 and "$ref" not in str(field):
        field.setdefault("examples", word[1:])
