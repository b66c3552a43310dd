"""Who may call the gateway, and what was done with people's data.

Of keys, links and sessions only the SHA-256 is kept: each secret is 256 random bits, so nothing
is gained by a slow hash, and a copy of the database opens no door.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import BigInteger, Field, Identity, SQLModel

from rfm_common.models.base import DICT, NOW, timestamptz


class Scope(StrEnum):
    """What a credential may do; admin may do everything."""

    READ = "read"
    RUN = "run"
    EXPORT = "export"
    ADMIN = "admin"


class ApiKey(SQLModel, table=True):
    """A key of a program."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("uq_api_keys_live_name", "name", unique=True,
              postgresql_where=text("revoked_at IS NULL")),
    )  # fmt: skip

    key_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                               sa_column_args=[Identity()])  # fmt: skip
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)
    """The first characters of the key, to recognise it by."""
    secret_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    last_used_at: datetime | None = Field(default=None, sa_type=timestamptz())
    """To the minute."""
    revoked_at: datetime | None = Field(default=None, sa_type=timestamptz())


class LoginLink(SQLModel, table=True):
    """A link that opens one session in one browser, once."""

    __tablename__ = "login_links"

    secret_hash: bytes = Field(sa_type=LargeBinary, primary_key=True)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    expires_at: datetime = Field(sa_type=timestamptz())
    used_at: datetime | None = Field(default=None, sa_type=timestamptz())


class LoginSession(SQLModel, table=True):
    """A browser that is logged in."""

    __tablename__ = "login_sessions"

    session_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                   sa_column_args=[Identity()])  # fmt: skip
    secret_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    expires_at: datetime = Field(sa_type=timestamptz())
    last_used_at: datetime | None = Field(default=None, sa_type=timestamptz())
    revoked_at: datetime | None = Field(default=None, sa_type=timestamptz())


class AuditEntry(SQLModel, table=True):
    """One act with people's data or with access to it; holds no personal data itself."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_at", "at"),)

    audit_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                 sa_column_args=[Identity()])  # fmt: skip
    at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    actor: str = Field(sa_type=Text)
    """`local`, `key:NAME`, `login:NUMBER` or `cli`."""
    action: str = Field(sa_type=Text)
    """As `export.segment`, `customer.erase`, `key.create`."""
    subject: str | None = Field(default=None, sa_type=Text)
    rows: int | None = Field(default=None, sa_type=BigInteger)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)
