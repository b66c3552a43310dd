"""Webhooks: registering endpoints, trying them, and looking at what was sent."""

from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.dependencies import ActorDep, PageDep, RowId, SessionDep, SessionsDep, SettingsDep
from gateway.kit.problems import refusal
from gateway.kit.responses import ExactResponse
from gateway.webhooks import endpoints, queries
from gateway.webhooks.delivering import Courier, attempt
from gateway.webhooks.endpoints import Wanted
from gateway.webhooks.schemas import (
    DeliveryDetail,
    DeliveryList,
    NewWebhook,
    TrialAnswer,
    Webhook,
    WebhookChange,
    WebhookList,
    WebhookWithSecret,
)
from gateway.webhooks.sending import open_client
from gateway.webhooks.targets import find_target
from rfm_common import audit
from rfm_common.db import Sessions
from rfm_common.errors import existing
from rfm_common.models import DeliveryState, WebhookEndpoint
from rfm_common.settings import Settings

T = TypeVar("T", bound=Webhook)
AnyRequest = Request[Any, Any, State]


def _shown(endpoint: WebhookEndpoint, into: type[T]) -> T:
    fields = {name: getattr(endpoint, name) for name in into.__struct_fields__}
    return msgspec.convert(fields, into)


def _subject(endpoint: WebhookEndpoint) -> str:
    return f"webhook {endpoint.endpoint_id}"


OF_SETTINGS = {409: refusal("It is the one of the settings")}


@get("/webhooks", summary="Who is told of new scores", tags=["Webhooks"])
async def webhooks(session: SessionDep) -> WebhookList:
    """Every endpoint, oldest first."""
    return WebhookList(webhooks=await queries.list_webhooks(session))


@post(
    "/webhooks", summary="Create a webhook", tags=["Webhooks"],
    responses={409: refusal("There are too many")},
)  # fmt: skip
async def add_webhook(
    request: AnyRequest,
    sessions: SessionsDep,
    settings: SettingsDep,
    actor: ActorDep,
    data: JSONBody[NewWebhook],
) -> Response[WebhookWithSecret]:
    """Register an endpoint; it gets what happens from now on.

    The secret, with which the receiver checks signatures, is in this answer and never shown
    again. 400 for a URL that leads to this machine or into its network.
    """
    body = NewWebhook.strictly(await request.body())
    await _check_target(settings, body.url)
    wanted = Wanted(url=body.url, events=body.events, description=body.description,
                    with_outlook=body.with_outlook)  # fmt: skip
    async with sessions() as session, session.begin():
        endpoint = await endpoints.add_endpoint(session, wanted)
        audit.record(session, actor, "webhook.create", _subject(endpoint))
    headers = {"Location": f"/webhooks/{endpoint.endpoint_id}", "Cache-Control": "no-store"}
    return ExactResponse(_shown(endpoint, WebhookWithSecret), headers=headers)


async def _check_target(settings: Settings, url: str) -> None:
    await find_target(url, allow_private=settings.webhook_allow_private == "on")


@get("/webhooks/{endpoint_id:int}", summary="One endpoint", tags=["Webhooks"])
async def webhook(session: SessionDep, endpoint_id: RowId) -> Webhook:
    """Where it is, what it wants, and whether it works."""
    return await _existing(session, endpoint_id)


async def _existing(session: AsyncSession, endpoint_id: int) -> Webhook:
    found = await queries.find_webhook(session, endpoint_id)
    return existing(found, f"webhook {endpoint_id}", "endpoint_id")


@patch(
    "/webhooks/{endpoint_id:int}", summary="Change an endpoint", tags=["Webhooks"],
    responses=OF_SETTINGS,
)  # fmt: skip
async def change_webhook(
    request: AnyRequest,
    sessions: SessionsDep,
    settings: SettingsDep,
    actor: ActorDep,
    endpoint_id: RowId,
    data: JSONBody[WebhookChange],
) -> Webhook:
    """What is given changes, the rest stays; `is_enabled` switches it off and on.

    409 for the endpoint of the settings.
    """
    body = WebhookChange.strictly(await request.body())
    if body.url is not None:
        await _check_target(settings, body.url)
    wanted = Wanted(**{name: getattr(body, name) for name in body.__struct_fields__})
    async with sessions() as session, session.begin():
        endpoint = await endpoints.change_endpoint(session, endpoint_id, wanted)
        audit.record(session, actor, "webhook.change", _subject(endpoint))
    request.app.state.webhook_bell.set()
    return _shown(endpoint, Webhook)


@delete(
    "/webhooks/{endpoint_id:int}", summary="Remove an endpoint", tags=["Webhooks"],
    responses=OF_SETTINGS,
)  # fmt: skip
async def remove_webhook(sessions: SessionsDep, actor: ActorDep, endpoint_id: RowId) -> None:
    """With everything that was still to be sent to it; 409 for the endpoint of the settings."""
    async with sessions() as session, session.begin():
        await endpoints.remove_endpoint(session, endpoint_id)
        audit.record(session, actor, "webhook.delete", f"webhook {endpoint_id}")


@post(
    "/webhooks/{endpoint_id:int}/secret", summary="Replace the secret", tags=["Webhooks"],
    responses=OF_SETTINGS,
)  # fmt: skip
async def replace_secret(
    sessions: SessionsDep, actor: ActorDep, endpoint_id: RowId
) -> Response[WebhookWithSecret]:
    """For a day messages are signed with the old one as well, so that none is refused."""
    async with sessions() as session, session.begin():
        endpoint = await endpoints.replace_secret(session, endpoint_id)
        audit.record(session, actor, "webhook.secret", _subject(endpoint))
    content = _shown(endpoint, WebhookWithSecret)
    return ExactResponse(content, headers={"Cache-Control": "no-store"})


@post(
    "/webhooks/{endpoint_id:int}/test", summary="Try an endpoint", tags=["Webhooks"],
    status_code=200,
)  # fmt: skip
async def try_webhook(
    sessions: SessionsDep, settings: SettingsDep, endpoint_id: RowId
) -> TrialAnswer:
    """Send a message of type `webhook.test` once, now, and say what came of it."""
    async with sessions() as session, session.begin():
        claim = await endpoints.write_test(session, endpoint_id)
    async with open_client() as client:
        outcome = await attempt(_courier(sessions, settings, client), claim)
    return TrialAnswer(
        delivered=outcome.is_success, status=outcome.status, error=outcome.error,
        milliseconds=outcome.milliseconds, answer=outcome.answer,
    )  # fmt: skip


def _courier(sessions: Sessions, settings: Settings, client: Any) -> Courier:
    """One that tries once."""
    allowed = settings.webhook_allow_private == "on"
    return Courier(sessions=sessions, client=client, allow_private=allowed, pauses=())


@get(
    "/webhooks/{endpoint_id:int}/deliveries",
    summary="What was sent to an endpoint",
    tags=["Webhooks"],
)
async def deliveries(
    session: SessionDep,
    paging: PageDep,
    endpoint_id: RowId,
    delivery_state: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
) -> DeliveryList:
    """One page, newest first, each with its attempts."""
    await _existing(session, endpoint_id)
    found = await queries.delivery_page(session, endpoint_id, delivery_state, paging)
    return DeliveryList(
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_deliveries(session, endpoint_id, delivery_state),
        deliveries=found,
    )


@get(
    "/webhooks/{endpoint_id:int}/deliveries/{delivery_id:int}",
    summary="One delivery with what is sent",
    tags=["Webhooks"],
)
async def one_delivery(
    session: SessionDep, endpoint_id: RowId, delivery_id: RowId
) -> DeliveryDetail:
    """Its payload and every attempt."""
    return await _existing_delivery(session, endpoint_id, delivery_id)


async def _existing_delivery(
    session: AsyncSession, endpoint_id: int, delivery_id: int
) -> DeliveryDetail:
    found = await queries.find_delivery(session, endpoint_id, delivery_id)
    return existing(found, f"delivery {delivery_id} of webhook {endpoint_id}", "delivery_id")


@post(
    "/webhooks/{endpoint_id:int}/deliveries/{delivery_id:int}/replay",
    summary="Send a message again",
    tags=["Webhooks"],
    status_code=202,
    responses={409: refusal("It is disabled")},
)
async def replay(
    request: AnyRequest,
    sessions: SessionsDep,
    actor: ActorDep,
    endpoint_id: RowId,
    delivery_id: RowId,
) -> DeliveryDetail:
    """Now, under its old id, and with as many attempts as a new one; 409 while it is disabled."""
    async with sessions() as session, session.begin():
        await endpoints.replay(session, endpoint_id, delivery_id)
        audit.record(session, actor, "webhook.replay", f"webhook {endpoint_id}",
                     detail={"delivery_id": delivery_id})  # fmt: skip
    request.app.state.webhook_bell.set()
    async with sessions() as session:
        return await _existing_delivery(session, endpoint_id, delivery_id)


ROUTES = [
    webhooks, add_webhook, webhook, change_webhook, remove_webhook, replace_secret, try_webhook,
    deliveries, one_delivery, replay,
]  # fmt: skip
