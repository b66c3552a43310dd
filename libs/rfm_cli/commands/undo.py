"""`rfm undo`: take an import back."""

import time

import click

from rfm_cli import remote
from rfm_cli.client import RefusedError, answer, connect
from rfm_common.settings import Settings

_POLL = 0.25


@click.command()
@click.argument("import_id", type=click.IntRange(1), metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--force", is_flag=True, help="Also without files that are gone but needed.")
def undo(import_id: int, *, yes: bool, force: bool) -> None:
    """Undo an import, given by its number.

    Rows that it brought go; rows that it changed get the value of the file before.
    """
    path = f"/imports/{import_id}"
    with connect(Settings()) as client:
        ahead = answer(client.get(f"{path}/undo"))
        if not yes:
            click.confirm(_question(import_id, ahead), abort=True)
        row = answer(client.post(f"{path}/undo", params={"force": force}))
        while row["undo"]:
            time.sleep(_POLL)
            row = answer(client.get(path))
    if row["state"] != "undone":
        raise RefusedError(row["message"] or f"import {import_id} is {row['state']}")
    click.echo(row["message"])


def _question(import_id: int, ahead: remote.Json) -> str:
    others = f"Those that one of {ahead['files']:,} other files has get the value from there"
    fate = f"{others}; the others go" if ahead["files"] else "All of them go"
    return f"{ahead['rows']:,} rows are as import {import_id} left them. {fate}. Undo it?"
