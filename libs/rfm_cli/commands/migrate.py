"""`rfm migrate`: the newest schema without starting the product."""

import asyncio
from pathlib import Path
from typing import Any

import click

from rfm_cli.commands import settings_of
from rfm_cli.database import reach
from rfm_common.logs import configure_logging
from rfm_common.schema import upgrade


@click.command()
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Private servers (RFM_STATE_DIR, .rfm).",
)
def migrate(**options: Any) -> None:
    """Bring the database to the newest schema: the one of DB_HOST, else the private one."""
    settings = settings_of(options)
    configure_logging("rfm", settings.log_level, settings.log_format)
    with reach(settings) as reached:
        asyncio.run(upgrade(reached))
    click.echo("the database has the newest schema")
