"""The `rfm` command."""

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from rfm_cli.processes import ServerError
from rfm_cli.stack import OnReady, Stack, with_port
from rfm_cli.state import StateFolder
from rfm_common.errors import RfmError
from rfm_common.logs import configure_logging
from rfm_common.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Rfm(click.Group):
    """Errors that have words for people end the command with these words and exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (RfmError, ServerError) as error:
            raise click.ClickException(str(error)) from error
        except ValidationError as error:
            raise click.ClickException(_settings_problem(error)) from error


def _settings_problem(error: ValidationError) -> str:
    lines = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return "the settings are wrong: " + "; ".join(lines)


def stack_options(command: _Command) -> _Command:
    """The options of the commands that start the product."""
    folder = click.Path(file_okay=False, path_type=Path)
    for option in (
        click.option("--state-dir", type=folder, help="Servers and state (RFM_STATE_DIR, .rfm)."),
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
@stack_options
def up(**options: Any) -> None:
    """Start everything, say where it is, and stop everything on Ctrl-C."""

    async def announce(url: str) -> None:
        click.echo(f"RFM runs at {url} (Ctrl-C stops it)")

    run_stack(_settings(options), announce)


def _settings(options: dict[str, Any]) -> Settings:
    return Settings(**{name: value for name, value in options.items() if value is not None})


def run_stack(settings: Settings, on_ready: OnReady) -> None:
    """Run the product in the foreground; refuses to when it runs already or the port is taken."""
    configure_logging("rfm", settings.log_level, settings.log_format)
    with StateFolder(settings.state_dir).held():
        asyncio.run(Stack(with_port(settings), on_ready).run())
