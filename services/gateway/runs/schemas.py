"""Scoring runs: asking for one, and what became of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.kit.schemas import MOMENT_OR_LATEST, Answer, Body, Rule
from rfm_common.models import RunState
from rfm_common.settings import Transform

WindowDays = Annotated[int, Meta(ge=1, le=3650)]
ClusterCount = Annotated[int, Meta(ge=1, le=50)]


class RunBody(Body, frozen=True, kw_only=True):
    """Everything is optional: without a body the settings decide."""

    calc_date: Annotated[
        Annotated[str, Meta(max_length=40)] | None,
        Meta(
            description="ISO date (then its end in the shop's time zone) or date-time, not in the"
            " future, or `latest` (the newest counted order)",
            examples=["2024-01-15T00:00:00", "latest"],
            extra_json_schema={"extra": {"pattern": MOMENT_OR_LATEST, "minLength": 1}},
        ),
    ] = None
    window_days: Annotated[
        WindowDays | None,
        Meta(
            description="Days to look back",
            extra_json_schema={"extra": {"minimum": 1, "maximum": 3650}},
        ),
    ] = None
    k: Annotated[
        ClusterCount | Literal["auto"] | None,
        Meta(
            description="Number of clusters, or `auto`",
            extra_json_schema={"extra": {"minimum": 1, "maximum": 50}},
        ),
    ] = None
    transform: Annotated[Transform | None, Meta(description="Applied before clustering")] = None
    preview: Annotated[
        bool, Meta(description="Compute and tell, but publish nothing: all scores stay")
    ] = False


class ReplacedScores(Answer):
    """A snapshot of the same date that was measured by something else."""

    run_id: int
    window_days: int
    k: int
    rule: Rule
    message: Annotated[str, Meta(description="One sentence: the settings of both")]


class RunAnswer(Answer, omit_defaults=True):
    """The run that was asked for; the last three fields only when it has ended."""

    run_id: int
    status: RunState
    calc_date: datetime
    window_days: int
    k: int | Literal["auto"]
    waiting_files: Annotated[
        list[str], Meta(description="Dropped files that are not loaded yet, so not in this run")
    ] = msgspec.field(default_factory=list)
    replaced: Annotated[
        ReplacedScores | UnsetType,
        Meta(
            description="The snapshot of the same date that this run replaces, or replaced, if it"
            " had another window, k, rule, transform, currency, time zone or set of statuses"
        ),
    ] = UNSET
    customers_processed: int | UnsetType = UNSET
    clusters_created: int | UnsetType = UNSET
    message: str | UnsetType = UNSET


class BackfillBody(Body, frozen=True, kw_only=True):
    """How much of the past to fill in."""

    months: Annotated[
        int, Meta(ge=1, le=120, description="Months before the newest snapshot", examples=[24])
    ] = 24


class BackfillRun(Answer):
    """A queued run of a past date."""

    run_id: int
    status: RunState
    calc_date: Annotated[datetime, Meta(description="The last moment of a month")]


class BackfillAnswer(Answer):
    """What was queued, oldest date first; nothing when there were no orders yet."""

    runs: list[BackfillRun]
    message: str


class RunRow(Answer):
    """A run in the history."""

    run_id: int
    status: RunState
    trigger: str
    calc_date: datetime | None
    window_days: int
    k: int | None
    rule: Rule
    transform: str | None
    is_current: Annotated[bool, Meta(description="Its snapshot is the one of its date")]
    is_preview: Annotated[bool, Meta(description="It was only tried, and published nothing")]
    customers_processed: int | None
    clusters_created: int | None
    data_version: int | None
    message: str | None
    error: str | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    model_version: Annotated[int | None, Meta(description="The number of its model")]


class RunList(Answer):
    """One page of the history, newest first."""

    page: int
    page_size: int
    total: int
    runs: list[RunRow]


class RunDetail(RunRow):
    """A run with all that is needed to understand and repeat it."""

    parameters: dict[str, Any]
    base_currency: str | None
    engine: str
    previous_run_id: int | None
    replaced: Annotated[
        ReplacedScores | None,
        Meta(description="Of its date, if it was calculated with other settings than this run"),
    ]
    cancel_requested: bool
    attempt: int
    progress: dict[str, Any]
    edges: dict[str, Any]
    model: dict[str, Any]
    metrics: dict[str, Any]
    summary: dict[str, Any]
    sweep: list[Any]
    warnings: list[Any]
    timings: dict[str, Any]
