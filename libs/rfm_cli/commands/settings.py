"""`rfm settings`: what the numbers mean, for good."""

import click
from rich.table import Table

from rfm_cli import remote
from rfm_cli.client import answer, connect
from rfm_common.lasting import Value
from rfm_common.lasting import written as typed
from rfm_common.settings import Settings

DEFAULT = "default"


@click.group(invoke_without_command=True)
@click.pass_context
def settings(context: click.Context) -> None:
    """List the lasting settings, or change one."""
    if context.invoked_subcommand is None:
        with connect(Settings()) as client:
            found = answer(client.get("/settings"))
        remote.console().print(settings_table(found["settings"]))
        _say_pending(found)


@settings.command("set")
@click.argument("name")
@click.argument("value")
def set_one(name: str, value: str) -> None:
    """Set NAME to VALUE permanently; VALUE `default` resets it."""
    name = name.lower().replace("-", "_")
    with connect(Settings()) as client:
        body = {name: None if value == DEFAULT else value}
        found = answer(client.patch("/settings", json=body))
    for one in found["changes"]:
        click.echo(f"{one['name']}: {written(one['before'])} -> {written(one['after'])}")
    if not found["changes"]:
        click.echo("nothing changed")
    _say_pending(found)


def _say_pending(found: remote.Json) -> None:
    if found["pending"]:
        click.echo(f"note: {found['pending']} To do so now: rfm score", err=True)


def settings_table(rows: list[remote.Json]) -> Table:
    """A row per setting."""
    table = Table()
    for heading in ("Name", "Value", "Set by", "Default", "Allowed"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row["name"], written(row["value"]), source(row), written(row["default"]),
            row["allowed"],
        )  # fmt: skip
    return table


def source(row: remote.Json) -> str:
    """Who decides about a setting."""
    if row["source"] == "environment":
        return f"{row['variable']} in the environment"
    return str(row["changed_by"] or DEFAULT)


def written(value: Value) -> str:
    """A setting as one would type it; a dash for no value."""
    return typed(value) or "-"
