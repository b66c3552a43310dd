"""Endpoints and their deliveries, as the API shows them."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import Page
from gateway.webhooks.schemas import Delivery, DeliveryDetail, Webhook
from rfm_common.models import DeliveryState

_LOG = """
(SELECT coalesce(json_agg(json_build_object('at', a.at, 'status', a.status,
            'milliseconds', a.milliseconds, 'error', a.error, 'answer', a.answer)
        ORDER BY a.attempt_id DESC), '[]')
 FROM webhook_attempts a WHERE a.delivery_id = d.delivery_id) AS log"""

_COLUMNS = f"""
d.delivery_id, d.message_id, m.type, m.run_id, d.state, d.attempts,
CASE d.state WHEN 'pending' THEN d.next_attempt_at END AS next_attempt_at, m.created_at,
d.ended_at, {_LOG}"""

_TABLES = "webhook_deliveries d JOIN webhook_messages m USING (message_id)"


async def list_webhooks(session: AsyncSession) -> list[Webhook]:
    """Every endpoint, oldest first."""
    return await rows.many(
        session,
        Webhook,
        f"SELECT {', '.join(Webhook.__struct_fields__)} FROM webhook_endpoints"
        " ORDER BY endpoint_id",
    )


async def find_webhook(session: AsyncSession, endpoint_id: int) -> Webhook | None:
    """One endpoint."""
    return await rows.one(
        session,
        Webhook,
        f"SELECT {', '.join(Webhook.__struct_fields__)} FROM webhook_endpoints"
        " WHERE endpoint_id = :endpoint_id",
        endpoint_id=endpoint_id,
    )


def _narrowed(endpoint_id: int, state: DeliveryState | None) -> tuple[str, dict[str, object]]:
    if state is None:
        return "d.endpoint_id = :endpoint_id", {"endpoint_id": endpoint_id}
    return (
        "d.endpoint_id = :endpoint_id AND d.state = :state",
        {"endpoint_id": endpoint_id, "state": state.value},
    )


async def delivery_page(
    session: AsyncSession, endpoint_id: int, state: DeliveryState | None, page: Page
) -> list[Delivery]:
    """One page, newest first."""
    condition, values = _narrowed(endpoint_id, state)
    return await rows.many(
        session,
        Delivery,
        f"SELECT {_COLUMNS} FROM {_TABLES} WHERE {condition}"
        " ORDER BY d.delivery_id DESC LIMIT :size OFFSET :skip",
        **values,
        **page.window,
    )


async def count_deliveries(
    session: AsyncSession, endpoint_id: int, state: DeliveryState | None
) -> int:
    """How many there are on all pages."""
    condition, values = _narrowed(endpoint_id, state)
    statement = f"SELECT count(*) FROM webhook_deliveries d WHERE {condition}"
    return int(await rows.scalar(session, statement, **values))


async def find_delivery(
    session: AsyncSession, endpoint_id: int, delivery_id: int
) -> DeliveryDetail | None:
    """One delivery with its payload."""
    return await rows.one(
        session,
        DeliveryDetail,
        f"SELECT {_COLUMNS}, m.payload FROM {_TABLES}"
        " WHERE d.endpoint_id = :endpoint_id AND d.delivery_id = :delivery_id",
        endpoint_id=endpoint_id,
        delivery_id=delivery_id,
    )
