"""Where the heavy part of a run is computed: one protocol, chosen by `RFM_ENGINE`."""

from rfm_common.db import Sessions
from rfm_common.settings import Settings
from scoring.engines.protocol import (
    Aggregates,
    Base,
    Engine,
    EngineAwayError,
    Flow,
    Flows,
    Target,
    Totals,
)

__all__ = [
    "Aggregates", "Base", "Engine", "EngineAwayError", "Flow", "Flows", "Target", "Totals",
    "open_engine",
]  # fmt: skip


def open_engine(settings: Settings, sessions: Sessions) -> Engine:
    """The engine of the settings; an engine that is not chosen is not even imported.

    One for a worker's life, a run at a time: it may keep what the next run can build upon.
    """
    match settings.engine:
        case "local":
            from scoring.engines.local import LocalEngine  # noqa: PLC0415 - only when chosen

            return LocalEngine(sessions)
        case "spark":
            try:
                from scoring.engines.spark import SparkEngine  # noqa: PLC0415 - only when chosen
            except ModuleNotFoundError as error:
                raise SystemExit(
                    f"RFM_ENGINE=spark needs Spark's client ({error}):"
                    " python3 tools/environment.py spark"
                ) from error
            return SparkEngine(settings, sessions)
