"""Which version the data has, what was announced, and the scoring runs."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import BigInteger, Field, Identity, SQLModel

from rfm_common.documents import (
    Candidate,
    Edges,
    Metrics,
    Notice,
    Step,
    StoredForecast,
    StoredModel,
    Summary,
    Timings,
)
from rfm_common.models.base import DICT, FALSE, LIST, NOW, ZERO, enum_column, timestamptz


class RunState(StrEnum):
    """The life of a scoring run. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DataState(SQLModel, table=True):
    """One row: which version the data has, and which version the scores show."""

    __tablename__ = "data_state"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: int = Field(
        default=1, sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    data_version: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    scored_version: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    changed_at: datetime | None = Field(default=None, sa_type=timestamptz())


class OutboxEvent(SQLModel, table=True):
    """An event written with the change it tells of, published after the commit."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unpublished", "outbox_id", postgresql_where=text("published_at IS NULL")),
    )

    outbox_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                  sa_column_args=[Identity()])  # fmt: skip
    type: str = Field(sa_type=Text)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    published_at: datetime | None = Field(default=None, sa_type=timestamptz())


class ModelState(StrEnum):
    """What became of a model."""

    PUBLISHED = "published"
    PROPOSED = "proposed"
    REFUSED = "refused"
    OUTDATED = "outdated"
    """Proposed, but another model came before anybody decided."""


class ModelVersion(SQLModel, table=True):
    """A model with a number: transform constants, centroids and names never change under it.

    They are in `scoring_runs.model` of the run. Models that were asked for with the same k,
    transform and rule are a line: a run starts from the one before it in its line.
    """

    __tablename__ = "model_versions"
    __table_args__ = (
        Index("uq_model_versions_line_digest", "k", "transform", "rule", "digest", unique=True),
        Index("uq_model_versions_pinned_line", "k", "transform", "rule", unique=True,
              postgresql_where=text("is_pinned")),
    )  # fmt: skip

    version: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    run_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("scoring_runs.run_id", ondelete="CASCADE"), nullable=False
        )
    )
    """The first run that had it."""
    k: str = Field(sa_type=Text)
    """As asked: a number, or `auto`."""
    transform: str = Field(sa_type=Text)
    rule: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    """Of all that decides where a customer belongs."""
    reason: str = Field(sa_type=Text)
    """Why it came."""
    state: ModelState = Field(default=ModelState.PUBLISHED, sa_type=enum_column(ModelState))
    is_pinned: bool = Field(default=False, sa_column_kwargs=FALSE)
    """A person chose it: no run of its line replaces it."""
    decided_by: str | None = Field(default=None, sa_type=Text)
    """Who published, kept or refused it, as the audit log has it."""
    decided_at: datetime | None = Field(default=None, sa_type=timestamptz())
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)


class ScoringRun(SQLModel, table=True):
    """A request to score and all that came of it; enough to repeat the run exactly.

    `rfm_common.documents` says what the JSON columns hold.
    """

    __tablename__ = "scoring_runs"
    __table_args__ = (
        # The run whose snapshot is the one of its calc_date.
        Index(
            "uq_scoring_runs_current_calc_date", "calc_date", unique=True,
            postgresql_where=text("is_current"),
        ),
        Index("ix_scoring_runs_open", "run_id",
              postgresql_where=text("state IN ('queued', 'running')")),
    )  # fmt: skip

    run_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                               sa_column_args=[Identity()])  # fmt: skip
    state: RunState = Field(default=RunState.QUEUED, sa_type=enum_column(RunState))
    trigger: str = Field(default="api", sa_type=Text)
    """Who asked: import, api, cli, sweeper, backfill."""
    is_automatic: bool = Field(default=False, sa_column_kwargs=FALSE)
    """With the settings' parameters, so that finishing it moves `scored_version`."""
    parameters: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """As asked: calc_date (null, `latest` or ISO), window_days, k (or `auto`), transform, seed."""
    calc_date: datetime | None = Field(default=None, sa_type=timestamptz())
    window_days: int = Field(default=365)
    k: int | None = None
    base_currency: str | None = Field(default=None, sa_type=Text)
    engine: str = Field("local", sa_type=Text)
    data_version: int | None = Field(default=None, sa_type=BigInteger)
    is_current: bool = Field(default=False, sa_column_kwargs=FALSE)
    customers_processed: int | None = Field(default=None, sa_type=BigInteger)
    clusters_created: int | None = None
    previous_run_id: int | None = Field(default=None, sa_type=BigInteger)
    """The run of the snapshot that flows are measured from."""
    progress: Step = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    edges: Edges = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    model: StoredModel = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    model_version: int | None = Field(default=None, sa_type=BigInteger)
    """The number of its model; none without clusters, or while it has published nothing."""
    metrics: Metrics = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    summary: Summary = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    sweep: list[Candidate] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs=LIST)
    warnings: list[Notice] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs=LIST)
    forecast: StoredForecast = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """Of `customer_values`; empty until they are there."""
    timings: Timings = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    message: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    attempt: int = Field(default=0, sa_column_kwargs=ZERO)
    fence: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    """Grows with each claim; a worker may publish only under the fence it claimed."""
    worker: str | None = Field(default=None, sa_type=Text)
    heartbeat_at: datetime | None = Field(default=None, sa_type=timestamptz())
    cancel_requested: bool = Field(default=False, sa_column_kwargs=FALSE)
    idempotency_key: str | None = Field(default=None, sa_type=Text, unique=True)
    queued_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    started_at: datetime | None = Field(default=None, sa_type=timestamptz())
    finished_at: datetime | None = Field(default=None, sa_type=timestamptz())
