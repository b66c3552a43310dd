"""The documentation names everything that a user can meet, and nothing that does not exist."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import SecretStr
from sqlmodel import SQLModel

from gateway.web.metrics import KINDS
from ingest.reading.exports import EXPORTS
from ingest.reading.mapping import FIELDS, REQUIRED, read_rules
from rfm_cli.main import main
from rfm_common.audit import Action
from rfm_common.events import EVENT_TYPES
from rfm_common.models import ImportState, Kind
from rfm_common.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
FILES = (ROOT / "docs/files.md").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()
OPERATION = (ROOT / "docs/operation.md").read_text()
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def environment_name(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if alias is not None else field.upper()  # type: ignore[union-attr]


def written(default: Any) -> str:
    """A default as one would write it into .env."""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, frozenset):
        return ", ".join(sorted(default))
    return "" if default is None else str(default)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|", CONFIGURATION, re.MULTILINE)
    fields = Settings.model_fields.items()
    assert dict(rows) == {environment_name(name): written(field.default) for name, field in fields}


def test_every_event_is_documented() -> None:
    assert set(re.findall(r"^\| `(\w+\.\w+)` \|", ARCHITECTURE, re.MULTILINE)) == set(EVENT_TYPES)


def test_every_action_of_the_audit_log_is_documented() -> None:
    named = re.findall(r"^\| (`[a-z]+\..*?) \|", SECURITY, re.MULTILINE)
    actions = [name for cell in named for name in re.findall(r"`([a-z.]+)`", cell)]
    assert sorted(actions) == sorted(get_args(Action))


def test_every_table_about_customers_is_documented() -> None:
    [listed] = re.findall(r"^\| where \| which personal data .*?\n\n", OPERATION, re.M | re.S)
    named = set(re.findall(r"`(\w+)`", listed))
    columns = {"customer_id", "email", "emails"}
    tables = SQLModel.metadata.tables
    about = {name for name, table in tables.items() if columns & set(table.columns.keys())}
    assert about <= named
    assert {name for name in named if name.islower()} <= tables.keys()


def test_every_metric_to_watch_exists_and_each_counter_is_named() -> None:
    told = OPERATION.partition("## Monitoring")[2].partition("## ")[0]
    counters = {f"{name}_total" for name, kind in KINDS.items() if kind.is_counter}
    gauges = {name for name, kind in KINDS.items() if not kind.is_counter}
    named = set(re.findall(r"\brfm_\w+", told))
    assert named <= counters | gauges | {"rfm_http_request_seconds"}
    assert counters <= named


def test_every_command_is_documented() -> None:
    assert isinstance(main, click.Group)
    documented = re.findall(r"^\| `rfm (\w+)", README, re.MULTILINE)
    assert sorted(documented) == sorted(main.list_commands(click.Context(main)))


def test_every_column_is_documented_and_the_needed_ones_are_bold() -> None:
    rows = re.findall(r"^\| (orders|customers|exchange rates) \| (.*) \|$", FILES, re.MULTILINE)
    documented = {Kind(name.replace(" ", "_")): columns for name, columns in rows}
    for kind, columns in documented.items():
        assert set(re.findall(r"`(\w+)`", columns)) == set(FIELDS[kind])
        assert set(re.findall(r"\*\*`(\w+)`\*\*", columns)) == set(REQUIRED[kind])
    assert documented.keys() == set(Kind)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_every_known_export_is_documented(export: Any) -> None:
    assert export.name in FILES


def test_every_state_of_a_file_is_documented() -> None:
    states = set(re.findall(r"^\| `(\w+)` \|", FILES, re.MULTILINE))
    assert states == set(ImportState) - {ImportState.READING}


def test_the_example_mapping_is_a_mapping() -> None:
    """What people copy works."""
    [example] = re.findall(r"```toml\n(.*?)```", FILES, re.DOTALL)
    [rule] = read_rules(example)
    assert rule.pattern == "till-*.csv"
    assert rule.export.quantity_times_price == ("qty", "price")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_leads_nowhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)|(?:src|srcset)=\"([^\"]+)", page.read_text())
    targets = [target for pair in links for target in pair if target and "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_task_exists(page: Path) -> None:
    tasks = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= tasks


def test_the_readme_knows_the_python_that_is_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11" in README
