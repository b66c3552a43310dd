"""`rfm backup` and `rfm restore`: everything in one file, and back."""

import asyncio
from pathlib import Path
from typing import Any

import click

from rfm_cli.archive import Contents
from rfm_cli.backup import back_up
from rfm_cli.commands.options import data_dir, settings_of, state_dir
from rfm_cli.database import reach, reach_alone
from rfm_cli.restore import restore as restore_backup
from rfm_common.logs import configure_logging
from rfm_common.words import some


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Overwrite FILE if it exists.")
@state_dir
@data_dir
def backup(file: Path, *, replace: bool, **options: Any) -> None:
    """Back up database and files to FILE (.tar.gz).

    RFM can keep running meanwhile.
    """
    with reach(settings_of(options)) as settings:
        contents = back_up(settings, file, replace=replace)
    click.echo(f"{file} ({file.stat().st_size:,} bytes): {_in_words(contents)}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--replace", is_flag=True, help="Overwrite existing data; existing files are moved aside."
)
@click.option(
    "--unlisted", is_flag=True, help="Accept a backup of an older version, without a list of files."
)
@state_dir
@data_dir
def restore(file: Path, *, replace: bool, unlisted: bool, **options: Any) -> None:
    """Restore database and files from FILE.

    Stop RFM first. If it fails or is interrupted, everything stays as it was.
    """
    given = settings_of(options)
    configure_logging("rfm", given.log_level, given.log_format)
    with reach_alone(given) as settings:
        contents = asyncio.run(restore_backup(settings, file, replace=replace, unlisted=unlisted))
    click.echo(f"restored {_in_words(contents)}")


def _in_words(contents: Contents) -> str:
    return (
        f"{some(contents.customers, 'customer')}, {some(contents.orders, 'order')},"
        f" {some(contents.files, 'file')},"
        f" written {contents.created_at} by version {contents.version}"
    )
