"""The shared tables. PostgreSQL holds the truth; everything else can be rebuilt from here.

Times are stored with a zone, money as exact decimals, ids as text in byte order (the C
collation: as fast as integers, and the same order on every server).
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import BigInteger, Field, Identity, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

MONEY_DIGITS = 18
MONEY_SCALE = 4
BEGINNING = date(1, 1, 1)
"""The `valid_from` of a rate that was given without one."""


class Kind(StrEnum):
    """What a dropped file holds."""

    CUSTOMERS = "customers"
    ORDERS = "orders"
    EXCHANGE_RATES = "exchange_rates"


class ImportState(StrEnum):
    """Where a dropped file is. All but the first are final."""

    READING = "reading"
    LOADED = "loaded"
    LOADED_WITH_REJECTS = "loaded_with_rejects"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class RowOutcome(StrEnum):
    """Why a row is listed in `import_rejects`: it did not load, or another row replaced it."""

    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"


class RunState(StrEnum):
    """The life of a scoring run. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Cause(StrEnum):
    """Why a customer is in another segment than in the snapshot before."""

    NEW_CUSTOMER = "new_customer"
    NEW_ORDER = "new_order"
    AGEING = "ageing"
    EDGES = "edges"
    MODEL = "model"
    STAYED = "stayed"


def _choice(values: type[StrEnum]) -> Enum:
    """Store the value as plain text: a new member then needs no ALTER TYPE."""
    return Enum(
        values, native_enum=False, create_constraint=False, length=32,
        values_callable=lambda members: [member.value for member in members],
    )  # fmt: skip


def _id_text() -> Text:
    return Text(collation="C")


def _money() -> Numeric[Decimal]:
    return Numeric(MONEY_DIGITS, MONEY_SCALE)


def _time() -> DateTime:
    return DateTime(timezone=True)


_NOW: dict[str, Any] = {"server_default": text("now()")}
_ZERO: dict[str, Any] = {"server_default": text("0")}
_FALSE: dict[str, Any] = {"server_default": text("false")}
_DICT: dict[str, Any] = {"server_default": text("'{}'")}
_LIST: dict[str, Any] = {"server_default": text("'[]'")}


class Customer(SQLModel, table=True):
    """A customer; one that only orders mention has no e-mail and no country."""

    __tablename__ = "customers"

    customer_id: str = Field(sa_type=_id_text(), primary_key=True)
    email: str | None = Field(default=None, sa_type=Text)
    country: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_type=_time())
    import_id: int | None = Field(default=None, sa_type=BigInteger)
    import_line: int | None = None


class Order(SQLModel, table=True):
    """An order as the latest import told it."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_customer_id_order_date", "customer_id", "order_date"),
        # A few pages whatever the size: rows of an import lie together.
        Index("ix_orders_import_id", "import_id", postgresql_using="brin"),
    )

    order_id: str = Field(sa_type=_id_text(), primary_key=True)
    customer_id: str = Field(
        sa_column=Column(_id_text(), ForeignKey("customers.customer_id"), nullable=False)
    )
    order_date: datetime = Field(sa_type=_time())
    order_amount: Decimal = Field(sa_type=_money())
    currency: str = Field(sa_type=Text)
    """ISO code in upper case; empty when the file named none: the shop's base currency."""
    status: str = Field(sa_type=Text)
    """Trimmed and lower case."""
    import_id: int | None = Field(default=None, sa_type=BigInteger)
    import_line: int | None = None
    """The line of that import's file where the order stands."""


class ExchangeRate(SQLModel, table=True):
    """Base units for one unit of `currency`, from `valid_from` on."""

    __tablename__ = "exchange_rates"

    currency: str = Field(sa_type=Text, primary_key=True)
    valid_from: date = Field(default=BEGINNING, sa_type=Date, primary_key=True)
    rate: Decimal = Field(sa_type=Numeric(24, 12))
    import_id: int | None = Field(default=None, sa_type=BigInteger)
    import_line: int | None = None


class Import(SQLModel, table=True):
    """The ledger: one row per file that was seen, with what became of it."""

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint(
            "state NOT IN ('loaded', 'loaded_with_rejects') OR rows_total = rows_new"
            " + rows_updated + rows_unchanged + rows_superseded + rows_rejected",
            name="rows_add_up",
        ),
        # The same bytes load once, ever.
        Index(
            "uq_imports_loaded_sha256", "sha256", "kind", unique=True,
            postgresql_where=text("state IN ('loaded', 'loaded_with_rejects')"),
        ),
        Index("ix_imports_started_at", "started_at"),
    )  # fmt: skip

    import_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True,
                                  sa_column_args=[Identity()])  # fmt: skip
    file_name: str = Field(sa_type=Text)
    kind: Kind | None = Field(default=None, sa_type=_choice(Kind))
    state: ImportState = Field(default=ImportState.READING, sa_type=_choice(ImportState))
    sha256: str | None = Field(default=None, sa_type=Text)
    size_bytes: int = Field(default=0, sa_type=BigInteger)
    rows_total: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    rows_new: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    rows_updated: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    rows_unchanged: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    rows_superseded: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    rows_rejected: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    reason: str | None = Field(default=None, sa_type=Text)
    """Code of why it was quarantined, e.g. `missing_column`."""
    message: str | None = Field(default=None, sa_type=Text)
    """The same in a sentence that names line, byte or column."""
    notes: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    """What was found out about the file: encoding, delimiter, date format, ignored columns."""
    effects: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    """What the file changed: customers touched, new currencies, an id that stands out."""
    is_demo: bool = Field(default=False, sa_column_kwargs=_FALSE)
    duplicate_of: int | None = Field(default=None, sa_type=BigInteger)
    data_version: int | None = Field(default=None, sa_type=BigInteger)
    stored_path: str | None = Field(default=None, sa_type=Text)
    """Where the file is now, relative to the data folder."""
    file_identity: str | None = Field(default=None, sa_type=Text)
    """inode:size:mtime of the file that was judged, so that it is not judged again."""
    claimed_by: str | None = Field(default=None, sa_type=Text)
    started_at: datetime | None = Field(default=None, sa_type=_time(), sa_column_kwargs=_NOW)
    finished_at: datetime | None = Field(default=None, sa_type=_time())


class ImportReject(SQLModel, table=True):
    """A row of a file that is not in the tables, or that a later row of it replaced."""

    __tablename__ = "import_rejects"
    __table_args__ = (Index("ix_import_rejects_import_id_line", "import_id", "line"),)

    reject_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True,
                                  sa_column_args=[Identity()])  # fmt: skip
    import_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("imports.import_id", ondelete="CASCADE"), nullable=False
        )
    )
    outcome: RowOutcome = Field(default=RowOutcome.REJECTED, sa_type=_choice(RowOutcome))
    line: int = Field(sa_type=BigInteger)
    column_name: str | None = Field(default=None, sa_type=Text)
    value: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text)
    """The code, e.g. `amount_not_a_number`."""
    message: str = Field(sa_type=Text)
    raw: str | None = Field(default=None, sa_type=Text)
    """The row as it stood in the file."""


class DataState(SQLModel, table=True):
    """One row: which version the data has, and which version the scores show."""

    __tablename__ = "data_state"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: int = Field(
        default=1, sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    data_version: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    scored_version: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    changed_at: datetime | None = Field(default=None, sa_type=_time())


class OutboxEvent(SQLModel, table=True):
    """An event written with the change it tells of, published after the commit."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unpublished", "outbox_id", postgresql_where=text("published_at IS NULL")),
    )

    outbox_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True,
                                  sa_column_args=[Identity()])  # fmt: skip
    type: str = Field(sa_type=Text)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    created_at: datetime | None = Field(default=None, sa_type=_time(), sa_column_kwargs=_NOW)
    published_at: datetime | None = Field(default=None, sa_type=_time())


class ScoringRun(SQLModel, table=True):
    """A request to score and all that came of it; enough to repeat the run exactly."""

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

    run_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True,
                               sa_column_args=[Identity()])  # fmt: skip
    state: RunState = Field(default=RunState.QUEUED, sa_type=_choice(RunState))
    trigger: str = Field(default="api", sa_type=Text)
    """Who asked: import, api, cli, sweeper, backfill."""
    is_automatic: bool = Field(default=False, sa_column_kwargs=_FALSE)
    """With the settings' parameters, so that finishing it moves `scored_version`."""
    parameters: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    """As asked: calc_date (null, `latest` or ISO), window_days, k (or `auto`), transform, seed."""
    calc_date: datetime | None = Field(default=None, sa_type=_time())
    window_days: int = Field(default=365)
    k: int | None = None
    base_currency: str | None = Field(default=None, sa_type=Text)
    engine: str = Field("local", sa_type=Text)
    data_version: int | None = Field(default=None, sa_type=BigInteger)
    is_current: bool = Field(default=False, sa_column_kwargs=_FALSE)
    customers_processed: int | None = Field(default=None, sa_type=BigInteger)
    clusters_created: int | None = None
    previous_run_id: int | None = Field(default=None, sa_type=BigInteger)
    """The run of the snapshot that flows are measured from."""
    progress: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    """{step, step_number, steps, percent, message}."""
    edges: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    model: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    metrics: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    summary: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    """Totals that pages show: customers, revenue, grid of recency by frequency-monetary scores."""
    sweep: list[Any] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs=_LIST)
    warnings: list[Any] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs=_LIST)
    """[{code, message}]."""
    timings: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=_DICT)
    """Seconds by step."""
    message: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    attempt: int = Field(default=0, sa_column_kwargs=_ZERO)
    fence: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=_ZERO)
    """Grows with each claim; a worker may publish only under the fence it claimed."""
    worker: str | None = Field(default=None, sa_type=Text)
    heartbeat_at: datetime | None = Field(default=None, sa_type=_time())
    cancel_requested: bool = Field(default=False, sa_column_kwargs=_FALSE)
    idempotency_key: str | None = Field(default=None, sa_type=Text, unique=True)
    queued_at: datetime | None = Field(default=None, sa_type=_time(), sa_column_kwargs=_NOW)
    started_at: datetime | None = Field(default=None, sa_type=_time())
    finished_at: datetime | None = Field(default=None, sa_type=_time())


class RfmFeature(SQLModel, table=True):
    """R, F, M and scores of one customer in one snapshot; a partition per calc_date."""

    __tablename__ = "rfm_features"
    __table_args__ = {"postgresql_partition_by": "LIST (calc_date)"}

    customer_id: str = Field(sa_type=_id_text(), primary_key=True)
    calc_date: datetime = Field(sa_type=_time(), primary_key=True)
    recency_days: int
    frequency: int
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    r_score: int = Field(sa_type=SmallInteger)
    f_score: int = Field(sa_type=SmallInteger)
    m_score: int = Field(sa_type=SmallInteger)


# Put together when it is read: parsing JSON for every customer took most of a snapshot's load.
CLUSTER_SCORE = """CAST('{"centroid":{"recency_days":' || CAST(centre_recency_days AS text)
    || ',"frequency":' || CAST(centre_frequency AS text)
    || ',"monetary":' || CAST(centre_monetary AS text)
    || '},"distance":' || CAST(distance AS text)
    || ',"next_distance":' || CAST(next_distance AS text) || '}' AS jsonb)"""


class CustomerCluster(SQLModel, table=True):
    """Cluster and segment of one customer in one snapshot; a partition per calc_date."""

    __tablename__ = "customer_clusters"
    __table_args__ = (
        Index("ix_customer_clusters_segment_name_segment_rank", "segment_name", "segment_rank"),
        {"postgresql_partition_by": "LIST (calc_date)"},
    )

    customer_id: str = Field(sa_type=_id_text(), primary_key=True)
    calc_date: datetime = Field(sa_type=_time(), primary_key=True)
    cluster_id: int = Field(sa_type=SmallInteger)
    segment_name: str = Field(sa_type=Text)
    segment_rank: int
    """1 for the segment's best customer (monetary, then id): page N is a range, not an offset."""
    centre_recency_days: float
    centre_frequency: float
    centre_monetary: float
    distance: float
    """To the centroid, in standard deviations."""
    next_distance: float
    cluster_score: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB, Computed(CLUSTER_SCORE, persisted=False))
    )


class SegmentStat(SQLModel, table=True):
    """One segment and cluster of one run, added up once so that pages read k rows."""

    __tablename__ = "segment_stats"

    run_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("scoring_runs.run_id", ondelete="CASCADE"), primary_key=True
        )
    )
    cluster_id: int = Field(sa_type=SmallInteger, primary_key=True)
    segment_name: str = Field(sa_type=Text)
    customer_count: int = Field(sa_type=BigInteger)
    customer_share: float
    order_count: int = Field(sa_type=BigInteger)
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    monetary_share: float
    avg_recency_days: float
    avg_frequency: float
    avg_monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    avg_order_value: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    median_recency_days: float
    median_frequency: float
    median_monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))


class SegmentFlow(SQLModel, table=True):
    """How many customers, and how much money, went from one segment to another, and why."""

    __tablename__ = "segment_flows"

    run_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("scoring_runs.run_id", ondelete="CASCADE"), primary_key=True
        )
    )
    from_segment: str = Field(sa_type=Text, primary_key=True)
    """Empty for customers who were not in the snapshot before."""
    to_segment: str = Field(sa_type=Text, primary_key=True)
    cause: Cause = Field(sa_type=_choice(Cause), primary_key=True)
    customers: int = Field(sa_type=BigInteger)
    monetary_before: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    monetary_after: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))


class RunSample(SQLModel, table=True):
    """At most 3,000 customers of a run, stratified by cluster, for its charts."""

    __tablename__ = "run_samples"

    run_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("scoring_runs.run_id", ondelete="CASCADE"), primary_key=True
        )
    )
    customer_id: str = Field(sa_type=_id_text(), primary_key=True)
    recency_days: int
    frequency: int
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    cluster_id: int = Field(sa_type=SmallInteger)
    segment_name: str = Field(sa_type=Text)
