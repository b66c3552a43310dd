"""`rfm migrate`: the newest schema without starting the product."""

import asyncio
from pathlib import Path
from typing import Any

import click

from rfm_cli.commands import settings_of
from rfm_cli.postgres import PrivatePostgres
from rfm_cli.stack import with_servers
from rfm_cli.state import StateFolder
from rfm_common.logs import configure_logging
from rfm_common.schema import upgrade
from rfm_common.settings import Settings


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
    if "db_host" in settings.model_fields_set:
        asyncio.run(upgrade(settings))
    else:
        with StateFolder(settings.state_dir).held():
            _migrate_private(settings)
    click.echo("the database has the newest schema")


def _migrate_private(settings: Settings) -> None:
    server = PrivatePostgres(settings.state_dir.absolute() / PrivatePostgres.name)
    server.start()
    try:
        asyncio.run(upgrade(with_servers(settings, [server])))
    finally:
        server.stop()
