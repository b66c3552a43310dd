"""Facts in the past tense that services tell each other: ids, counts, file names, nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact. `type` is its name on the stream; unknown fields are ignored when reading."""

    type: ClassVar[str]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Build from the decoded data, dropping what this version does not know."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def data(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStarted(Event):
    """A file settled in the folder and is being read."""

    type: ClassVar[str] = "import.started"
    import_id: int
    file_name: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress(Event):
    """How far a long file is; not stored, may be lost."""

    type: ClassVar[str] = "import.progress"
    import_id: int
    file_name: str
    rows: int = 0
    percent: float = 0
    rows_per_second: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFinished(Event):
    """A file is in the tables, or turned out to be one that already was (`duplicate`)."""

    type: ClassVar[str] = "import.finished"
    import_id: int
    file_name: str
    kind: str | None = None
    state: str = "loaded"
    data_version: int | None = None
    rows_total: int = 0
    rows_new: int = 0
    rows_updated: int = 0
    rows_rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRejected(Event):
    """A file was quarantined whole."""

    type: ClassVar[str] = "import.rejected"
    import_id: int
    file_name: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportHeld(Event):
    """A file can be read in two ways and waits for a person."""

    type: ClassVar[str] = "import.held"
    import_id: int
    file_name: str
    questions: int = 0
    """How many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChanged(Event):
    """Rows changed other than by a file: demo data removed, a person erased, an import undone
    or corrected."""

    type: ClassVar[str] = "data.changed"
    data_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued(Event):
    """Someone asked for scores."""

    type: ClassVar[str] = "run.queued"
    run_id: int
    trigger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A worker took the run."""

    type: ClassVar[str] = "run.started"
    run_id: int
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress(Event):
    """Which step a run is in; not stored, may be lost."""

    type: ClassVar[str] = "run.progress"
    run_id: int
    step: str = ""
    step_number: int = 0
    steps: int = 0
    percent: float = 0
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """A snapshot is published, or a preview is ready that leaves everything as it is."""

    type: ClassVar[str] = "run.finished"
    run_id: int
    calc_date: str | None = None
    customers: int = 0
    clusters: int = 0
    data_version: int | None = None
    warnings: list[str] = field(default_factory=list)
    preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed(Event):
    """A run ended without a snapshot; `state` is failed or cancelled."""

    type: ClassVar[str] = "run.failed"
    run_id: int
    state: str = "failed"
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastFinished(Event):
    """A published snapshot has got its figures of what customers are expected to buy."""

    type: ClassVar[str] = "forecast.finished"
    run_id: int
    calc_date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastJudged(Event):
    """What would have been expected some days ago was compared with what came since."""

    type: ClassVar[str] = "forecast.judged"
    run_id: int
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotDeleted(Event):
    """A person deleted a published snapshot."""

    type: ClassVar[str] = "snapshot.deleted"
    run_id: int
    calc_date: str = ""


EVENT_TYPES: dict[str, type[Event]] = {
    event.type: event
    for event in (
        ImportStarted, ImportProgress, ImportFinished, ImportRejected, ImportHeld,
        DataChanged, RunQueued, RunStarted, RunProgress, RunFinished, RunFailed,
        ForecastFinished, ForecastJudged, SnapshotDeleted,
    )
}  # fmt: skip


def encode(event: Event) -> dict[str, str]:
    """The fields of a stream entry."""
    return {"type": event.type, "data": json.dumps(event.data(), separators=(",", ":"))}


def decode(entry: Mapping[str, str]) -> Event | None:
    """The event of a stream entry, or None for a type that this version does not know."""
    kind = EVENT_TYPES.get(entry.get("type", ""))
    return kind.of(json.loads(entry.get("data", "{}"))) if kind else None
