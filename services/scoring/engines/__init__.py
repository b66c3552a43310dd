"""Where the heavy part of a run is computed: one protocol, chosen by `RFM_ENGINE`."""

from importlib import import_module
from typing import cast

from rfm_common.db import Sessions
from rfm_common.settings import Settings
from scoring.engines.protocol import Engine, EngineAwayError, EngineError, Placed

__all__ = ["Engine", "EngineAwayError", "EngineError", "Placed", "open_engine"]

MODULES = {"local": "scoring.engines.local", "spark": "rfm_spark.engine"}
"""By name, each with a function `open_engine`: what is not chosen is not even imported."""


def open_engine(settings: Settings, sessions: Sessions) -> Engine:
    """The engine of the settings.

    One for a worker's life, a run at a time: it may keep what the next run can build upon.
    """
    try:
        module = import_module(MODULES[settings.engine])
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"RFM_ENGINE=spark needs Spark's client ({error}): python3 tools/environment.py spark"
        ) from error
    return cast("Engine", module.open_engine(settings, sessions))
