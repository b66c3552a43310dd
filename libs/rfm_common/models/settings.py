"""Lasting settings that a person has set."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from rfm_common.models.base import NOW, timestamptz


class StoredSetting(SQLModel, table=True):
    """A lasting setting that is not at its default; the environment takes precedence."""

    __tablename__ = "settings"

    name: str = Field(sa_type=Text, primary_key=True)
    value: Any = Field(sa_type=JSONB, nullable=False)
    changed_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    changed_by: str = Field(sa_type=Text)
    """As the audit log has it."""
