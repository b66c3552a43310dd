"""Webhooks: endpoints, and what was sent to them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from gateway.kit.schemas import Answer, Body
from rfm_common.models import DeliveryState

Event = Literal["run.finished", "customer.segment_changed"]
Events = Annotated[list[Event], Meta(min_length=1, max_length=10)]
Url = Annotated[
    str,
    Meta(
        min_length=10, max_length=2000, pattern=r"^https?://[^\s@#]+$",
        description="http or https, in the internet unless RFM_WEBHOOK_ALLOW_PRIVATE=on",
        examples=["https://example.com/rfm"],
    ),
]  # fmt: skip
Description = Annotated[str, Meta(max_length=200)]
WithOutlook = Annotated[
    bool,
    Meta(
        description="Messages that name customers also say what each is expected to buy; all"
        " messages of a run then wait until that is computed, at most two minutes"
    ),
]


class NewWebhook(Body, frozen=True, kw_only=True):
    """An endpoint to be registered; it wants everything unless it says what."""

    url: Url
    events: Events | None = None
    description: Description = ""
    with_outlook: WithOutlook = False


class WebhookChange(Body, frozen=True, kw_only=True):
    """What is to be different; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    with_outlook: WithOutlook | None = None
    is_enabled: Annotated[bool | None, Meta(description="true: send again, what waited first")] = (
        None
    )


class Webhook(Answer):
    """An endpoint, without its secret."""

    endpoint_id: int
    url: str
    events: list[str]
    description: str
    with_outlook: WithOutlook
    is_enabled: bool
    disabled_reason: str | None
    failing_since: Annotated[
        datetime | None, Meta(description="The first failure since the last success")
    ]
    from_settings: Annotated[bool, Meta(description="Made by RFM_WEBHOOK_URL")]
    created_at: datetime


class WebhookWithSecret(Webhook):
    """An endpoint that was just made, or whose secret was replaced: the only time it is shown."""

    secret: Annotated[str, Meta(description="`whsec_` and base64, for the receiver")]


class WebhookList(Answer):
    """Every endpoint, oldest first."""

    webhooks: list[Webhook]


class Attempt(Answer):
    """One request."""

    at: datetime
    status: Annotated[int | None, Meta(description="null: no answer")]
    milliseconds: int
    error: str | None
    answer: Annotated[str | None, Meta(description="The first bytes of the answer's body")]


class Delivery(Answer):
    """One message for one endpoint."""

    delivery_id: int
    message_id: Annotated[str, Meta(description="The header `webhook-id` of every attempt")]
    type: str
    run_id: int | None
    state: DeliveryState
    attempts: Annotated[int, Meta(description="Since it was made or replayed")]
    next_attempt_at: Annotated[datetime | None, Meta(description="null unless pending")]
    created_at: datetime
    ended_at: datetime | None
    log: Annotated[list[Attempt], Meta(description="Every attempt, newest first")]


class DeliveryDetail(Delivery):
    """A delivery with what is sent."""

    payload: dict[str, Any]


class DeliveryList(Answer):
    """One page of what was sent to an endpoint, newest first."""

    page: int
    page_size: int
    total: int
    deliveries: list[Delivery]


class TrialAnswer(Answer):
    """What came of a test message, which is attempted once."""

    delivered: bool
    status: int | None
    milliseconds: int
    error: str | None
    answer: str | None
