"""Who is told of new scores by HTTP, what they are told, and what became of each message.

Messages hold customer ids: whoever erases a person takes them out of `payload`, where they are
objects in the list `data.customers`, and out of `webhook_told`.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Numeric, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import BigInteger, Column, Field, Identity, SQLModel

from rfm_common.models.base import (
    FALSE,
    MONEY_SCALE,
    NOW,
    ZERO,
    enum_column,
    id_text,
    run_key,
    timestamptz,
)


class DeliveryState(StrEnum):
    """What became of one message for one endpoint; replaying makes it pending again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpoint(SQLModel, table=True):
    """A URL that messages are sent to."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        Index("uq_webhook_endpoints_from_settings", "from_settings", unique=True,
              postgresql_where=text("from_settings")),
    )  # fmt: skip

    endpoint_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                    sa_column_args=[Identity()])  # fmt: skip
    url: str = Field(sa_type=Text)
    events: list[str] = Field(sa_type=ARRAY(Text))
    """The types of messages that it is sent."""
    description: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    with_outlook: bool = Field(default=False, sa_column_kwargs=FALSE)
    """Whether messages that name customers say what these are expected to buy."""
    secret: str = Field(sa_type=Text)
    """`whsec_` and base64. In the clear, because every message is signed with it."""
    previous_secret: str | None = Field(default=None, sa_type=Text)
    previous_secret_until: datetime | None = Field(default=None, sa_type=timestamptz())
    """Until then messages are signed with both."""
    is_enabled: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    failing_since: datetime | None = Field(default=None, sa_type=timestamptz())
    """The first failure since the last success."""
    from_settings: bool = Field(default=False, sa_column_kwargs=FALSE)
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)


class WebhookRun(SQLModel, table=True):
    """A finished run that has been announced: its messages exist, or nobody wanted any."""

    __tablename__ = "webhook_runs"

    run_id: int = Field(sa_column=run_key())
    announced_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)


class WebhookTold(SQLModel, table=True):
    """Where a customer was last told to be, by a snapshot that another one of its date replaced.

    Only customers whose change was told; everybody else is where the date before left them.
    """

    __tablename__ = "webhook_told"

    calc_date: datetime = Field(sa_type=timestamptz(), primary_key=True)
    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    run_id: int = Field(sa_type=BigInteger)
    segment_name: str | None = Field(default=None, sa_type=Text)
    """None: told to have left."""
    recency_days: int | None = None
    frequency: int | None = None
    monetary: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))


class WebhookMessage(SQLModel, table=True):
    """What is told, once for all endpoints."""

    __tablename__ = "webhook_messages"
    __table_args__ = (Index("ix_webhook_messages_created_at", "created_at"),)

    message_id: str = Field(sa_type=Text, primary_key=True)
    """The `webhook-id`: the same in every attempt and replay."""
    type: str = Field(sa_type=Text)
    run_id: int | None = Field(default=None, sa_type=BigInteger)
    payload: dict[str, Any] = Field(sa_type=JSONB)
    """The body as it is sent: {type, timestamp, data}."""
    created_at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)


class WebhookDelivery(SQLModel, table=True):
    """One message for one endpoint."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("message_id", "endpoint_id"),
        Index("ix_webhook_deliveries_due", "endpoint_id", "next_attempt_at",
              postgresql_where=text("state = 'pending'")),
        Index("ix_webhook_deliveries_endpoint_id", "endpoint_id", "delivery_id"),
    )  # fmt: skip

    delivery_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                    sa_column_args=[Identity()])  # fmt: skip
    message_id: str = Field(
        sa_column=Column(
            Text, ForeignKey("webhook_messages.message_id", ondelete="CASCADE"), nullable=False
        )
    )
    endpoint_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("webhook_endpoints.endpoint_id", ondelete="CASCADE"),
            nullable=False,
        )
    )  # fmt: skip
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_type=enum_column(DeliveryState))
    attempts: int = Field(default=0, sa_type=SmallInteger, sa_column_kwargs=ZERO)
    """Since it was made or replayed; also the fence of a lease."""
    next_attempt_at: datetime | None = Field(
        default=None, sa_type=timestamptz(), sa_column_kwargs=NOW
    )
    """When it is due; while somebody attempts it, when somebody else may."""
    ended_at: datetime | None = Field(default=None, sa_type=timestamptz())


class WebhookAttempt(SQLModel, table=True):
    """One request to an endpoint, and its answer."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index("ix_webhook_attempts_delivery_id", "delivery_id"),)

    attempt_id: int = Field(default=None, sa_type=BigInteger, primary_key=True,
                                   sa_column_args=[Identity()])  # fmt: skip
    delivery_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("webhook_deliveries.delivery_id", ondelete="CASCADE"),
            nullable=False,
        )
    )  # fmt: skip
    at: datetime | None = Field(default=None, sa_type=timestamptz(), sa_column_kwargs=NOW)
    status: int | None = Field(default=None, sa_type=SmallInteger)
    """None: no answer, see `error`."""
    milliseconds: int
    error: str | None = Field(default=None, sa_type=Text)
    answer: str | None = Field(default=None, sa_type=Text)
    """The first bytes of the body, as text."""
