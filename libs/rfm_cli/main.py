"""The `rfm` command."""

from importlib import import_module
from typing import Any

import click
from pydantic import ValidationError

from rfm_cli.processes import ServerError
from rfm_common import __version__
from rfm_common.errors import RfmError
from rfm_common.settings import settings_problem

_COMMANDS = {
    "up": "start:up",
    "demo": "start:demo",
    "stop": "running:stop",
    "logs": "running:logs",
    "import": "ask:import_files",
    "undo": "undo:undo",
    "score": "ask:score",
    "models": "models:models",
    "export": "ask:export",
    "status": "ask:status",
    "migrate": "migrate:migrate",
    "generate": "generate:generate",
    "settings": "settings:settings",
    "exclude": "exclude:exclude",
    "include": "exclude:include",
    "erase": "erase:erase",
    "doctor": "doctor:doctor",
    "selfcheck": "selfcheck:selfcheck",
    "key": "access:key",
    "login": "access:login",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "completion": "completion:completion",
}
"""Where each command is; loaded when it is called, because some of them load a lot."""


class _Rfm(click.Group):
    """Errors that have words for people end the command with these words and exit code 1."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(f"rfm_cli.commands.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ValidationError as error:
            raise click.ClickException(settings_problem(error)) from error
        except (RfmError, ServerError, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Rfm, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rfm")
def main() -> None:
    """Live customer segments from files of orders."""
