"""`rfm stop` and `rfm logs`: the product of this state folder, from another terminal."""

import os
import signal
import time
from typing import Any

import click

from rfm_cli.commands.options import settings_of, state_dir
from rfm_cli.logstream import LogFile
from rfm_cli.state import StateFolder
from rfm_common.errors import RfmError

_PATIENCE = 30.0
"""Seconds; a stop takes ten at most."""
_POLL = 0.1


class StillRunningError(RfmError):
    """The product was told to stop and has not."""


@click.command()
@state_dir
def stop(**options: Any) -> None:
    """Stop RFM, from any terminal.

    Exit code 0 also when it does not run.
    """
    folder = StateFolder(settings_of(options).state_dir)
    record = folder.running()
    if record is None:
        click.echo(f"RFM does not run on {folder.path}")
        return
    os.kill(record.pid, signal.SIGTERM)
    _wait_until_gone(folder, record.pid)
    click.echo(f"stopped the RFM at {record.url}")


def _wait_until_gone(folder: StateFolder, pid: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while (record := folder.running()) and record.pid == pid:
        if time.monotonic() > deadline:
            raise StillRunningError(f"it still runs, as process {pid}: kill {pid} once more")
        time.sleep(_POLL)


@click.command()
@click.option("-n", "--lines", type=click.IntRange(0), default=50, show_default=True,
              help="How many lines to begin with.")  # fmt: skip
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@state_dir
def logs(*, lines: int, follow: bool, **options: Any) -> None:
    """Show the log of RFM, also after it stopped."""
    file = LogFile(settings_of(options).state_dir)
    for line in file.last(lines):
        click.echo(line, nl=False)
    if follow:
        for text in file.more():
            click.echo(text, nl=False)
