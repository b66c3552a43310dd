"""A profile as the mapping.toml that reads the same files the same way."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.imports.decision_schemas import ProfileRow
from rfm_common.counting import ABOUT_STATUS


def as_mapping(profile: ProfileRow, rule: Mapping[str, Any]) -> str:
    """The text of a mapping.toml."""
    lines = [f"# {_comment(profile.name)}", "[[file]]", _NAME, f'kind = "{profile.kind}"']
    if rule.get("line_items"):
        lines.append("line_items = true")
    decided = {
        about.removeprefix(ABOUT_STATUS): value for about, value in profile.answers.items()
        if about.startswith(ABOUT_STATUS)
    }  # fmt: skip
    tables = {**rule, "statuses": rule.get("statuses", {}) | decided}
    for table in ("columns", "constants", "statuses"):
        if tables.get(table):
            lines += [f"\n[file.{table}]", *_pairs(tables[table])]
    others = {
        about: value for about, value in (profile.learned | profile.answers).items()
        if not about.startswith(ABOUT_STATUS)
    }  # fmt: skip
    if others:
        lines += ["\n[file.answers]", *_pairs(others)]
    return "\n".join(lines) + "\n"


_NAME = 'name = "*"  # the files it is for; if there are others, write for example "till-*.csv"'


def _comment(text: str) -> str:
    return " ".join(text.split())


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_quoted(name)} = {_quoted(value)}" for name, value in table.items()]


def _quoted(value: object) -> str:
    """A TOML basic string: JSON's, whose escapes TOML shares."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
