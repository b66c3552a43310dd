"""`rfm doctor`: look at everything, and say what to do."""

import asyncio
import json
import sys
from typing import Any

import click
from pydantic import ValidationError

from rfm_cli.commands.options import data_dir, settings_of, state_dir
from rfm_cli.doctor.checks import Check, fail, worst
from rfm_cli.doctor.machine import machine
from rfm_cli.doctor.servers import servers
from rfm_common.errors import RfmError
from rfm_common.settings import Settings, settings_problem

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@state_dir
@data_dir
def doctor(*, as_json: bool, **options: Any) -> None:
    """Diagnose problems and suggest fixes; changes nothing.

    Exit code 1 when something does not work.
    """
    checks = look(options)
    if as_json:
        found = {"state": worst(checks), "checks": [check.data() for check in checks]}
        click.echo(json.dumps(found, indent=2))
    else:
        for check in checks:
            _show(check)
    sys.exit(worst(checks) == "fail")


def look(options: dict[str, Any]) -> list[Check]:
    """All checks; with wrong settings there is nothing else to look at."""
    try:
        settings = settings_of(options)
    except (ValidationError, RfmError) as error:
        advice = "correct it in the environment or in .env"
        return [fail("settings", settings_problem(error), advice)]
    return asyncio.run(examine(settings))


async def examine(settings: Settings) -> list[Check]:
    """All checks, in order."""
    return [*machine(settings), *[check async for check in servers(settings)]]


def _show(check: Check) -> None:
    state = click.style(f"{check.state:<4}", fg=_COLOURS[check.state])
    click.echo(f"{state}  {check.name}: {check.found}")
    if check.advice:
        click.echo(f"      -> {check.advice}")
