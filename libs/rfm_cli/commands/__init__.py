"""The commands of `rfm`, loaded when they are called."""

from typing import Any

from rfm_common.settings import Settings


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings, with the options that were given on the command line on top."""
    return Settings(**{name: value for name, value in options.items() if value is not None})
