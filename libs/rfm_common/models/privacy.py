"""Who was erased, told without saying who, and what is still to be done about it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import BigInteger, Field, Identity, SQLModel

from rfm_common.models.base import DICT, LIST, NOW, enum_column, id_text, timestamptz


class ErasureState(StrEnum):
    """The life of an erasure."""

    REQUESTED = "requested"
    FINISHED = "finished"


class Erasure(SQLModel, table=True):
    """A person to be removed everywhere. Holds their id until that is done, never afterwards."""

    __tablename__ = "erasures"
    __table_args__ = (
        Index("ix_erasures_requested", "erasure_id",
              postgresql_where=text("state = 'requested'")),
    )  # fmt: skip

    erasure_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                   sa_column_args=[Identity()])  # fmt: skip
    state: ErasureState = Field(default=ErasureState.REQUESTED, sa_type=enum_column(ErasureState))
    subject_hash: bytes = Field(sa_type=LargeBinary)
    """Keyed hash of the customer's id: the same person asked for twice can be told."""
    customer_id: str | None = Field(default=None, sa_type=id_text())
    emails: list[str] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs=LIST)
    """Every address that the tables and files had for the person; emptied at the end."""
    removed: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """Counts by table; of files: `files_rewritten`, `files_deleted`, `stream_entries`."""
    reading: dict[str, int] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """How often the search of a kept file was begun and not ended, by file; emptied at the end."""
    actor: str = Field(sa_type=Text)
    requested_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    finished_at: datetime | None = Field(default=None, sa_type=timestamptz())


class Suppression(SQLModel, table=True):
    """The keyed hash of an id or e-mail address that no file may bring back."""

    __tablename__ = "suppressions"

    subject_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    key_id: str = Field(sa_type=Text)
    """Which key made the hash: with another one, nobody would be recognised."""
    erasure_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("erasures.erasure_id", ondelete="CASCADE"), nullable=False
        )
    )
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
