"""Which processes of the product live, by their own word."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from rfm_common.models.base import DICT, NOW, timestamptz


class ServiceBeat(SQLModel, table=True):
    """The last sign of life of one process."""

    __tablename__ = "service_beats"

    instance: str = Field(sa_type=Text, primary_key=True)
    """`host:pid` and when it started, so that a reused pid is another process."""
    service: str = Field(sa_type=Text)
    """ingest, scoring or gateway."""
    version: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=timestamptz())
    beat_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    figures: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
    """`cpu_seconds`, `resident_bytes`; of ingest also `folder`, the id of its data folder."""
