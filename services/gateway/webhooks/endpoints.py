"""Endpoints: registering, changing, removing, and sending something to one on request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.webhooks.announcing import EVENTS, TEST, write_message
from gateway.webhooks.delivering import Claim, claim_one
from gateway.webhooks.signing import key_of, new_secret
from gateway.webhooks.targets import check_url
from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.errors import ConflictError, NotFoundError, existing
from rfm_common.models import WebhookDelivery, WebhookEndpoint
from rfm_common.settings import Settings

MOST = 50
OLD_SECRET = timedelta(hours=24)
"""For so long messages are signed with the replaced secret as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an endpoint is to be like; None: as it is."""

    url: str | None = None
    events: Sequence[str] | None = None
    description: str | None = None
    with_outlook: bool | None = None
    is_enabled: bool | None = None


async def add_endpoint(session: AsyncSession, wanted: Wanted) -> WebhookEndpoint:
    """A new endpoint with a new secret; ConflictError when there are too many."""
    await lock(session, AdvisoryLock.ANNOUNCE)
    if (await session.exec(select(func.count()).select_from(WebhookEndpoint))).one() >= MOST:
        raise ConflictError(f"there are {MOST} webhooks already: delete one first")
    endpoint = WebhookEndpoint(url=wanted.url or "", events=list(EVENTS), secret=new_secret())
    _apply(endpoint, wanted)
    session.add(endpoint)
    await session.flush()
    await session.refresh(endpoint)
    return endpoint


async def find_endpoint(session: AsyncSession, endpoint_id: int) -> WebhookEndpoint:
    """The endpoint, locked; raises NotFoundError."""
    found = await session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    return existing(found, f"webhook {endpoint_id}", "endpoint_id")


async def own_endpoint(session: AsyncSession, endpoint_id: int) -> WebhookEndpoint:
    """The same; raises ConflictError for the one of the settings."""
    found = await find_endpoint(session, endpoint_id)
    if found.from_settings:
        raise ConflictError(
            f"webhook {endpoint_id} is the one of the setting RFM_WEBHOOK_URL: change that"
        )
    return found


async def change_endpoint(
    session: AsyncSession, endpoint_id: int, wanted: Wanted
) -> WebhookEndpoint:
    """Change what is given; enabling it forgets its failures."""
    endpoint = await own_endpoint(session, endpoint_id)
    _apply(endpoint, wanted)
    session.add(endpoint)
    return endpoint


def _apply(endpoint: WebhookEndpoint, wanted: Wanted) -> None:
    endpoint.url = endpoint.url if wanted.url is None else wanted.url
    if wanted.events is not None:
        endpoint.events = sorted(set(wanted.events))
    if wanted.description is not None:
        endpoint.description = wanted.description
    if wanted.with_outlook is not None:
        endpoint.with_outlook = wanted.with_outlook
    if wanted.is_enabled is not None:
        endpoint.is_enabled = wanted.is_enabled
        endpoint.failing_since = None
        endpoint.disabled_reason = None if wanted.is_enabled else "it was switched off"


async def remove_endpoint(session: AsyncSession, endpoint_id: int) -> None:
    """Delete it with its deliveries."""
    await session.delete(await own_endpoint(session, endpoint_id))


async def replace_secret(session: AsyncSession, endpoint_id: int) -> WebhookEndpoint:
    """A new secret; the old one goes on signing beside it for a day."""
    endpoint = await own_endpoint(session, endpoint_id)
    endpoint.previous_secret = endpoint.secret
    endpoint.previous_secret_until = datetime.now(UTC) + OLD_SECRET
    endpoint.secret = new_secret()
    session.add(endpoint)
    return endpoint


async def write_test(session: AsyncSession, endpoint_id: int) -> Claim:
    """A message without news, claimed for this very endpoint."""
    endpoint = await find_endpoint(session, endpoint_id)
    data = {"message": "It works: messages of RFM arrive here."}
    message_id = await write_message(session, TEST, data, None)
    delivery = WebhookDelivery(message_id=message_id, endpoint_id=endpoint.endpoint_id)
    session.add(delivery)
    await session.flush()
    return await claim_one(session, delivery.delivery_id)


async def replay(session: AsyncSession, endpoint_id: int, delivery_id: int) -> None:
    """Send a message again under its old id, now, and again with all attempts.

    Raises NotFoundError, and ConflictError while the endpoint is disabled.
    """
    endpoint = await find_endpoint(session, endpoint_id)
    if not endpoint.is_enabled:
        raise ConflictError(f"webhook {endpoint_id} is disabled: {endpoint.disabled_reason}")
    found = await run_sql(
        session,
        "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_attempt_at = now(),"
        " ended_at = NULL WHERE delivery_id = :delivery_id AND endpoint_id = :endpoint_id",
        delivery_id=delivery_id,
        endpoint_id=endpoint_id,
    )
    if not found.rowcount:
        raise NotFoundError(
            f"no delivery {delivery_id} of webhook {endpoint_id}", field="delivery_id"
        )


def check_settings(settings: Settings) -> None:
    """Raises InvalidInputError when the settings' URL or secret cannot be used."""
    if settings.webhook_url:
        check_url(settings.webhook_url)
        key_of(settings.webhook_secret.get_secret_value())


async def take_settings(session: AsyncSession, settings: Settings) -> None:
    """Make the endpoint of the settings what they say; without RFM_WEBHOOK_URL disable it."""
    if not settings.webhook_url:
        await run_sql(
            session,
            "UPDATE webhook_endpoints SET is_enabled = false, disabled_reason ="
            " 'RFM_WEBHOOK_URL is not set any more' WHERE from_settings AND is_enabled",
        )
        return
    await run_sql(
        session,
        "INSERT INTO webhook_endpoints (url, events, secret, description, from_settings)"
        " VALUES (:url, :events, :secret, 'from the settings', true)"
        " ON CONFLICT (from_settings) WHERE from_settings DO UPDATE"
        " SET url = excluded.url, secret = excluded.secret, events = excluded.events,"
        " is_enabled = true, disabled_reason = NULL, failing_since = NULL",
        url=settings.webhook_url,
        events=list(EVENTS),
        secret=settings.webhook_secret.get_secret_value(),
    )
