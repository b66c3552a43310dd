"""`rfm models`: the versions of the model."""

import click
from rich.table import Table

from rfm_cli import remote
from rfm_cli.client import answer, connect
from rfm_common.settings import Settings


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List the versions of the model."""
    if context.invoked_subcommand is None:
        with connect(Settings()) as client:
            found = answer(client.get("/models"))["models"]
        remote.console().print(model_table(found))


def model_table(found: list[remote.Json]) -> Table:
    """The versions as a table, newest first."""
    table = Table()
    table.add_column("Model", justify="right")
    for heading in ("Created", "State", "k", "Transform", "Rule", "Segments", "Reason"):
        table.add_column(heading)
    for row in found:
        k = f"{row['k']} (auto)" if row["is_auto"] else str(row["k"])
        table.add_row(
            str(row["version"]), row["created_at"][:10], state(row), k, row["transform"],
            row["rule"], ", ".join(row["segments"]), row["reason"],
        )  # fmt: skip
    return table


def state(row: remote.Json) -> str:
    """What became of a version, in a word or two."""
    if not row["in_force"]:
        return str(row["state"])
    return "in force, pinned" if row["is_pinned"] else "in force"


@models.command()
@click.argument("version", type=click.IntRange(1), metavar="N")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def publish(version: int, *, yes: bool) -> None:
    """Recalculate today's scores with model N, and pin it."""
    if not yes:
        click.confirm(f"Recalculate today's scores with model {version}?", abort=True)
    with connect(Settings()) as client:
        accepted = answer(client.post(f"/models/{version}/publish"))
        for _ in remote.follow_run(client, accepted["run_id"]):
            pass
    click.echo(accepted["message"])


@models.command()
@click.argument("version", type=click.IntRange(1), metavar="N")
def unpin(version: int) -> None:
    """Unpin model N, so that runs can replace it again."""
    with connect(Settings()) as client:
        answer(client.post(f"/models/{version}/unpin"))
    click.echo(f"unpinned model {version}; runs can replace it again")


@models.command()
def propose() -> None:
    """Make a new fit, and show what it would change."""
    with connect(Settings()) as client:
        run_id = answer(client.post("/models/proposal"))["run_id"]
        *_, run = remote.follow_run(client, run_id)
        version = run["model_version"]
        found = answer(client.get(f"/models/{version}")) if version else None
    if found is None:
        click.echo("A new fit would change no customer's segment: there is nothing to propose.")
        return
    remote.console().print(move_table(found))
    click.echo(
        f"To accept it: rfm models publish {version}. To refuse it: rfm models refuse {version}."
    )


def move_table(found: remote.Json) -> Table:
    """Who would move, most customers first."""
    proposal = found["proposal"]
    table = Table(title=f"Model {found['version']}, {found['state']}: {proposal['moved']:,} of"
                  f" {proposal['customers']:,} customers would move")  # fmt: skip
    table.add_column(f"With model {proposal['model_version']}")
    table.add_column(f"With model {found['version']}")
    table.add_column("Customers", justify="right")
    for move in proposal["moves"]:
        table.add_row(move["from_segment"], move["to_segment"], f"{move['customers']:,}")
    return table


@models.command()
@click.argument("version", type=click.IntRange(1), metavar="N")
def refuse(version: int) -> None:
    """Refuse proposal N, and pin the model in force."""
    with connect(Settings()) as client:
        kept = answer(client.post(f"/models/{version}/refuse"))["proposal"]["model_version"]
    click.echo(f"refused model {version}; model {kept} is pinned")
