"""The `rfm` command."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError
from rich.progress import Progress

from rfm_cli import remote
from rfm_cli.client import connect, running_url
from rfm_cli.demo import run_demo
from rfm_cli.generate import Size, write_dataset
from rfm_cli.processes import ServerError
from rfm_cli.stack import OnReady, Stack, private_servers, with_port, with_servers
from rfm_cli.state import StateFolder
from rfm_common.errors import RfmError
from rfm_common.logs import configure_logging
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Rfm(click.Group):
    """Errors that have words for people end the command with these words and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ValidationError as error:
            raise click.ClickException(_settings_problem(error)) from error
        except (RfmError, ServerError, OSError) as error:
            raise click.ClickException(str(error)) from error


def _settings_problem(error: ValidationError) -> str:
    lines = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return "the settings are wrong: " + "; ".join(lines)


def _stack_options(command: _Command) -> _Command:
    """The options of the commands that start the product."""
    folder = click.Path(file_okay=False, path_type=Path)
    for option in (
        click.option("--state-dir", type=folder, help="Private servers (RFM_STATE_DIR, .rfm)."),
        click.option("--data-dir", type=folder, help="Holds the watched input/ (DATA_DIR, data)."),
        click.option("--port", "api_port", type=int, help="API_PORT, 8701; 0 picks a free one."),
    ):
        command = option(command)
    return command


@click.group(cls=_Rfm, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("rfm"), prog_name="rfm")
def main() -> None:
    """Customer segments from CSVs of orders, live."""


@main.command()
@_stack_options
def up(**options: Any) -> None:
    """Start everything, say where it is, and stop everything on Ctrl-C."""
    _run_stack(_settings(options), _announce)


async def _announce(url: str) -> None:
    click.echo(f"RFM runs at {url} (Ctrl-C stops it)")


def _settings(options: dict[str, Any]) -> Settings:
    return Settings(**{name: value for name, value in options.items() if value is not None})


def _run_stack(settings: Settings, on_ready: OnReady) -> None:
    """Run the product in the foreground, until a signal."""
    configure_logging("rfm", settings.log_level, settings.log_format)
    with StateFolder(settings.state_dir).held():
        asyncio.run(Stack(with_port(settings), on_ready).run())


@main.command()
@_stack_options
@click.option("--live", is_flag=True, help="Go on: a small file of orders every 20 seconds.")
@click.option("--remove", is_flag=True, help="Take the demo shop out of the running product.")
def demo(*, live: bool, remove: bool, **options: Any) -> None:
    """Start everything with a generated shop: 5,000 customers, 60,000 orders, three currencies.

    When the product runs already, the shop is dropped into its folder.
    """
    settings = _settings(options)
    if remove:
        _remove_demo(settings)
    elif running := StateFolder(settings.state_dir).running():
        click.echo(f"RFM runs already at {running.url}")
        asyncio.run(_drop(settings, Path(running.data_dir), live=live))
    else:
        _run_stack(settings, partial(_announce_and_drop, settings, live=live))


async def _announce_and_drop(settings: Settings, url: str, *, live: bool) -> None:
    await _announce(url)
    await _drop(settings, settings.data_dir, live=live)


async def _drop(settings: Settings, data_dir: Path, *, live: bool) -> None:
    def shop_time() -> datetime:
        return datetime.now(settings.zone).replace(tzinfo=None)

    await run_demo(data_dir / "input", shop_time, click.echo, live=live)


def _remove_demo(settings: Settings) -> None:
    with connect(settings) as client:
        removed = remote.remove_demo(client)
    counts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in removed.items())
    click.echo(f"the demo shop is removed{f': {counts}' if counts else ''}")


@main.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
def import_files(files: tuple[Path, ...]) -> None:
    """Load CSV files into the running product and say what became of each."""
    with connect(Settings()) as client, remote.console().status("loading"):
        rows = remote.upload(client, files)
    remote.console().print(remote.import_table(rows))
    sys.exit(any(row["state"] == "quarantined" for row in rows))


def _cluster_count(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    if value is None or value == "auto":
        return value
    if not value.isdecimal():
        raise click.BadParameter("a number of clusters, or auto")
    return int(value)


@main.command()
@click.option("--calc-date", help="A date, a date-time, or latest; the end of today without it.")
@click.option("--window-days", type=int, help="Days to look back (RFM_WINDOW_DAYS, 365).")
@click.option("--k", callback=_cluster_count, help="Clusters, or auto (DEFAULT_K, 5).")
def score(**options: Any) -> None:
    """Score all customers now, and print the segments."""
    body = {name: value for name, value in options.items() if value is not None}
    with connect(Settings()) as client:
        run_id = remote.request_run(client, body)["run_id"]
        run = _show_progress(remote.follow_run(client, run_id))
        found = remote.segments(client, run["calc_date"])
    for warning in run["warnings"]:
        click.echo(f"warning: {warning['message']}", err=True)
    remote.console().print(remote.segment_table(found))


def _show_progress(states: Any) -> remote.Json:
    run: remote.Json = {}
    with Progress(console=remote.console(), transient=True) as bar:
        task = bar.add_task("queued", total=100)
        for run in states:
            progress = run["progress"]
            bar.update(task, description=progress.get("step") or run["status"],
                       completed=float(progress.get("percent") or 0))  # fmt: skip
    return run


@main.command()
@click.argument("segment")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Instead of stdout.")
def export(segment: str, out: Path | None) -> None:
    """Write the customers of a segment as CSV."""
    with connect(Settings()) as client:
        if out:
            remote.export_file(client, segment, out)
        else:
            remote.export(client, segment, sys.stdout.buffer)


@main.command()
def status() -> None:
    """Say how the running product is; exit code 1 unless all is well."""
    settings = Settings()
    with connect(settings) as client:
        found = remote.health(client)
    remote.console().print(remote.health_table(running_url(settings), found))
    sys.exit(found.get("status") != "ok")


@main.command()
@click.option("--state-dir", type=click.Path(file_okay=False, path_type=Path))
def migrate(**options: Any) -> None:
    """Bring the database to the newest schema: of DB_HOST, else the private one."""
    settings = _settings(options)
    configure_logging("rfm", settings.log_level, settings.log_format)
    if "db_host" in settings.model_fields_set:
        asyncio.run(upgrade(settings))
    else:
        with StateFolder(settings.state_dir).held():
            _migrate_private(settings)
    click.echo("the database has the newest schema")


def _migrate_private(settings: Settings) -> None:
    servers = private_servers(settings)[:1]
    for server in servers:
        server.start()
    try:
        asyncio.run(upgrade(with_servers(settings, servers)))
    finally:
        for server in servers:
            server.stop()


@main.command()
@click.option("--customers", type=click.IntRange(min=1), required=True)
@click.option("--orders", type=click.IntRange(min=0), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day; today without it.")
def generate(customers: int, orders: int, out: Path, seed: int, until: datetime | None) -> None:
    """Write customers.csv, orders.csv and exchange_rates.csv of any size into a folder.

    The same numbers, seed and last day give the same bytes.
    """
    last: date = until.date() if until else datetime.now(UTC).date()
    size = Size(customers=customers, orders=orders, seed=seed, until=last)
    with Progress(console=remote.console(), transient=True) as bar:
        task = bar.add_task("writing", total=customers + orders)
        paths = write_dataset(out, size, lambda rows: bar.advance(task, rows))
    for path in paths:
        click.echo(f"{path} ({path.stat().st_size:,} bytes)")
