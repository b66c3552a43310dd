"""`rfm migrate`: the newest schema without starting the product."""

import asyncio
from typing import Any

import click

from rfm_cli.commands.options import settings_of, state_dir
from rfm_cli.database import reach
from rfm_common.logs import configure_logging
from rfm_common.schema import upgrade


@click.command()
@state_dir
def migrate(**options: Any) -> None:
    """Upgrade the database schema.

    Uses the database at DB_HOST, or else the private one.
    """
    settings = settings_of(options)
    configure_logging("rfm", settings.log_level, settings.log_format)
    with reach(settings) as reached:
        asyncio.run(upgrade(reached))
    click.echo("the database has the newest schema")
