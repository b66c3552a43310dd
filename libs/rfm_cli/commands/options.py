"""Options that several commands have, and the settings they make."""

from pathlib import Path
from typing import Any

import click

from rfm_common.settings import Settings

_FOLDER = click.Path(file_okay=False, path_type=Path)

state_dir = click.option(
    "--state-dir",
    type=_FOLDER,
    help="Folder of the private servers (default: RFM_STATE_DIR, or .rfm).",
)
data_dir = click.option(
    "--data-dir",
    "input_dir",
    type=_FOLDER,
    help="The watched folder (default: DATA_DIR, or data/input).",
)


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings, with the options that were given on the command line on top."""
    return Settings(**{name: value for name, value in options.items() if value is not None})
