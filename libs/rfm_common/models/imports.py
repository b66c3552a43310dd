"""The ledger of dropped files and the rows of theirs that did not load."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import BigInteger, Field, Identity, SQLModel

from rfm_common.models.base import (
    DICT,
    FALSE,
    LIST,
    NOW,
    ZERO,
    enum_column,
    id_text,
    timestamptz,
)

IS_HELD = "stored_path LIKE 'held/%'"
"""SQL: whether a file lies where files wait; written out, so that an index answers it."""


class Kind(StrEnum):
    """What a dropped file holds."""

    CUSTOMERS = "customers"
    ORDERS = "orders"
    EXCHANGE_RATES = "exchange_rates"


class ImportState(StrEnum):
    """Where a dropped file is. All but the first two are final."""

    READING = "reading"
    NEEDS_DECISION = "needs_decision"
    LOADED = "loaded"
    LOADED_WITH_REJECTS = "loaded_with_rejects"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    UNDONE = "undone"


LOADED = (ImportState.LOADED, ImportState.LOADED_WITH_REJECTS)
"""States of a file whose rows count."""


class Undo(StrEnum):
    """How somebody asked for an undo that ingest has yet to carry out."""

    ASKED = "asked"
    FORCED = "forced"
    """Also without what only a file knows that is gone."""
    READ_AGAIN = "read_again"
    """And then the file is to ask again; this stays until it has been read."""


class RowOutcome(StrEnum):
    """Why a row is listed in `import_rejects`: it did not load, or another row replaced it."""

    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"


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
        Index("ix_imports_needs_decision", "import_id",
              postgresql_where=text("state = 'needs_decision'")),
        Index("ix_imports_held", "import_id", postgresql_where=text(IS_HELD)),
        Index("ix_imports_undo", "import_id", postgresql_where=text("undo IS NOT NULL")),
        Index("ix_imports_correction", "import_id", postgresql_where=text("correction <> '{}'")),
    )  # fmt: skip

    import_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                  sa_column_args=[Identity()])  # fmt: skip
    file_name: str = Field(sa_type=Text)
    kind: Kind | None = Field(default=None, sa_type=enum_column(Kind))
    state: ImportState = Field(default=ImportState.READING, sa_type=enum_column(ImportState))
    sha256: str | None = Field(default=None, sa_type=Text)
    size_bytes: int = Field(default=0, sa_type=BigInteger)
    rows_total: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    rows_new: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    rows_updated: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    rows_unchanged: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    rows_superseded: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    rows_rejected: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    reason: str | None = Field(default=None, sa_type=Text)
    """Code of why it was quarantined, e.g. `missing_column`."""
    message: str | None = Field(default=None, sa_type=Text)
    """The same in a sentence that names line, byte or column."""
    notes: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """What was found out about the file: encoding, delimiter, date format, ignored columns."""
    effects: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """What the file changed: customers touched, new currencies, an id that stands out."""
    fingerprint: str | None = Field(default=None, sa_type=Text)
    """Of the file's header: what it has in common with other files of its source."""
    questions: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSONB, sa_column_kwargs=LIST
    )
    """What the file leaves open: about, text, found, proposal, choices (value, label)."""
    answers: dict[str, str] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """What a person decided: the key of a question and the value of one of its choices."""
    preview: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """While it waits: the header, the first rows as they stand and as they would be read, and
    what the numbers would be, for each way to answer."""
    undo: Undo | None = Field(default=None, sa_type=enum_column(Undo))
    """What somebody asked for and ingest has yet to do."""
    correction: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """Other meanings of the file's statuses that ingest has yet to apply: `answers` by the keys of
    questions, and whether to `remember` them."""
    is_demo: bool = Field(default=False, sa_column_kwargs=FALSE)
    duplicate_of: int | None = Field(default=None, sa_type=BigInteger)
    data_version: int | None = Field(default=None, sa_type=BigInteger)
    in_lake: bool = Field(default=False, sa_column_kwargs=FALSE)
    """Whether the lake has a file with all orders that the table has from this import."""
    stored_path: str | None = Field(default=None, sa_type=Text)
    """Where the file is now, relative to the data folder."""
    file_identity: str | None = Field(default=None, sa_type=Text)
    """inode:size:mtime of the file that was judged, so that it is not judged again."""
    claimed_by: str | None = Field(default=None, sa_type=Text)
    """Who works on it, until its file has been put away or left for another time."""
    attempts: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    """Processes that ended while they worked on it; after a few it is given up."""
    started_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    finished_at: datetime | None = Field(default=None, sa_type=timestamptz())


class ImportReject(SQLModel, table=True):
    """A row of a file that is not in the tables, or that a later row of it replaced."""

    __tablename__ = "import_rejects"
    __table_args__ = (Index("ix_import_rejects_import_id_line", "import_id", "line"),)

    reject_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                  sa_column_args=[Identity()])  # fmt: skip
    import_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("imports.import_id", ondelete="CASCADE"), nullable=False
        )
    )
    outcome: RowOutcome = Field(default=RowOutcome.REJECTED, sa_type=enum_column(RowOutcome))
    line: int = Field(sa_type=BigInteger)
    column_name: str | None = Field(default=None, sa_type=Text)
    value: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text)
    """The code, e.g. `amount_not_a_number`."""
    message: str = Field(sa_type=Text)
    raw: str | None = Field(default=None, sa_type=Text)
    """Original row in the file."""


class FileProfile(SQLModel, table=True):
    """How files of one header are read: what a person decided, and what such files proved."""

    __tablename__ = "file_profiles"
    __table_args__ = (UniqueConstraint("fingerprint"),)

    profile_id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True,
                                   sa_column_args=[Identity()])  # fmt: skip
    name: str = Field(sa_type=Text)
    fingerprint: str = Field(sa_type=Text)
    kind: Kind = Field(sa_type=enum_column(Kind))
    headers: list[str] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs=LIST)
    """The names of the columns as the file writes them."""
    mapping: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """What the columns mean, in the words of mapping.toml."""
    questions: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSONB, sa_column_kwargs=LIST
    )
    """What was asked, without what was found: an answer is changed to one of these choices."""
    answers: dict[str, str] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    learned: dict[str, str] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    import_id: int | None = Field(default=None, sa_type=BigInteger)
    """For which import a person decided last."""
    used_count: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs=ZERO)
    """Files that were loaded with it."""
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    last_used_at: datetime | None = Field(default=None, sa_type=timestamptz())


class UploadKey(SQLModel, table=True):
    """An Idempotency-Key of an upload, and what it was used for."""

    __tablename__ = "upload_keys"
    __table_args__ = (Index("ix_upload_keys_created_at", "created_at"),)

    actor: str = Field(sa_type=Text, primary_key=True)
    idempotency_key: str = Field(sa_type=Text, primary_key=True)
    digest: str = Field(sa_type=Text)
    """Of the files' names and bytes."""
    import_ids: list[int] = Field(default_factory=list, sa_type=ARRAY(BigInteger),
                                  sa_column_kwargs={"server_default": text("'{}'")})  # fmt: skip
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)


class LakeRemoval(SQLModel, table=True):
    """An order that was deleted, until ingest has taken its versions out of the lake's files."""

    __tablename__ = "lake_removals"

    order_id: str = Field(sa_type=id_text(), primary_key=True)
    data_version: int = Field(sa_type=BigInteger)
    """Of the import that the table had the order from; what a later one says stays."""
