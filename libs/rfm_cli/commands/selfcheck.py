"""`rfm selfcheck`: compare this installation's figures with published ones."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import click

from rfm_cli.commands.options import settings_of, state_dir
from rfm_cli.database import reach
from rfm_common.settings import service_environment

PROGRAM = ("-m", "scoring.selfcheck")
"""What Python runs: the command line knows no service's code."""


@click.command()
@state_dir
def selfcheck(**options: Any) -> None:
    """Compute small examples and compare with published results.

    Recency, frequency, monetary, scores, clusters and value models, each with its source. Works
    whether RFM is running or not; your data is neither read nor changed. Exit code 1 when a
    figure differs.
    """
    if find_spec("scoring") is None:
        raise click.ClickException(
            "the code of scoring is not installed here; with containers, call"
            " `docker compose exec scoring python -m scoring.selfcheck`"
        )
    with reach(settings_of(options)) as reached:
        command = [sys.executable, *PROGRAM]
        ended = subprocess.run(command, env=service_environment(reached), check=False)  # noqa: S603
    sys.exit(ended.returncode)
