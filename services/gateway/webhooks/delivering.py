"""Messages on their way: leased from PostgreSQL, attempted, and attempted again for three days.

A lease is nothing but a later time at which the delivery is due: whoever takes it moves that
time on, and when the taker dies it comes due again. So a message arrives at least once.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.webhooks.sending import GONE, Outcome, Parcel, send
from rfm_common.db import Sessions, run_sql
from rfm_common.models import WebhookAttempt

log = logging.getLogger("rfm.gateway.webhooks")

MINUTE, HOUR = 60, 3600
PAUSES = (
    5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
"""Seconds between attempts, as Standard Webhooks advises: ten attempts in a good three days."""
JITTER = 0.2
"""A pause is up to this share longer, so that what failed together is not repeated together."""
LONGEST_PAUSE = timedelta(seconds=max(PAUSES) * (1 + JITTER))
"""What is due later was noted by a clock that ran ahead: it is due now."""
LEASE = timedelta(seconds=60)
"""More than an attempt can take."""
PATIENCE = timedelta(days=5)
"""An endpoint that has only failed for so long is disabled."""
AT_ONCE = 4
"""Requests to one endpoint at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """What deliveries are carried out with."""

    sessions: Sessions
    client: httpx.AsyncClient
    allow_private: bool
    pauses: Sequence[float] = PAUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A delivery that this process may attempt now; `attempts` counts this one already."""

    delivery_id: int
    endpoint_id: int
    attempts: int
    parcel: Parcel


async def due_endpoints(sessions: Sessions) -> list[int]:
    """Enabled endpoints that something is to be sent to now."""
    async with sessions() as session:
        found = await run_sql(session, _DUE, longest=LONGEST_PAUSE)
        return list(found.scalars())


_IS_DUE = "state = 'pending' AND next_attempt_at NOT BETWEEN now() AND now() + :longest"

_DUE = f"""
SELECT endpoint_id FROM webhook_endpoints e WHERE is_enabled AND EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.endpoint_id AND {_IS_DUE})
"""  # noqa: S608 - constants


async def deliver_due(courier: Courier, endpoint_id: int) -> int:
    """Attempt some of an endpoint's due deliveries; how many."""
    async with courier.sessions() as session, session.begin():
        found = await run_sql(session, _CLAIM, endpoint_id=endpoint_id, lease=LEASE, most=AT_ONCE,
                              longest=LONGEST_PAUSE)  # fmt: skip
        claims = [_claim(row) for row in found.mappings()]
    await asyncio.gather(*(attempt(courier, claim) for claim in claims))
    return len(claims)


_COLUMNS = """d.delivery_id, d.endpoint_id, d.attempts, d.message_id,
    (SELECT payload::text FROM webhook_messages m WHERE m.message_id = d.message_id) AS body,
    e.url, e.secret,
    CASE WHEN e.previous_secret_until > now() THEN e.previous_secret END AS previous_secret"""

_CLAIM = f"""
UPDATE webhook_deliveries d SET attempts = attempts + 1, next_attempt_at = now() + :lease
FROM webhook_endpoints e
WHERE e.endpoint_id = d.endpoint_id AND e.is_enabled AND d.delivery_id IN (
    SELECT delivery_id FROM webhook_deliveries
    WHERE endpoint_id = :endpoint_id AND {_IS_DUE}
    ORDER BY next_attempt_at, delivery_id LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants

_CLAIM_ONE = f"""
UPDATE webhook_deliveries d SET attempts = attempts + 1, next_attempt_at = now() + :lease
FROM webhook_endpoints e
WHERE e.endpoint_id = d.endpoint_id AND d.delivery_id = :delivery_id
RETURNING {_COLUMNS}
"""  # noqa: S608


def _claim(row: Any) -> Claim:
    secrets = [secret for secret in (row["secret"], row["previous_secret"]) if secret]
    return Claim(
        delivery_id=row["delivery_id"],
        endpoint_id=row["endpoint_id"],
        attempts=row["attempts"],
        parcel=Parcel(
            url=row["url"], secrets=secrets, message_id=row["message_id"],
            body=row["body"].encode(),
        ),
    )  # fmt: skip


async def claim_one(session: AsyncSession, delivery_id: int) -> Claim:
    """Take a delivery whether it is due or not, also of a disabled endpoint."""
    found = await run_sql(session, _CLAIM_ONE, delivery_id=delivery_id, lease=LEASE)
    return _claim(found.mappings().one())


async def attempt(courier: Courier, claim: Claim) -> Outcome:
    """Send it once, and write down what came of it in one transaction."""
    outcome = await send(courier.client, claim.parcel, allow_private=courier.allow_private)
    async with courier.sessions() as session, session.begin():
        # The endpoint was deleted meanwhile, and with it the delivery.
        if not await _exists(session, claim):
            return outcome
        session.add(
            WebhookAttempt(
                delivery_id=claim.delivery_id, status=outcome.status, error=outcome.error,
                milliseconds=outcome.milliseconds, answer=outcome.answer,
            )
        )  # fmt: skip
        await _end_attempt(session, courier, claim, outcome)
        await _judge_endpoint(session, claim, outcome)
    return outcome


async def _exists(session: AsyncSession, claim: Claim) -> bool:
    found = await run_sql(
        session,
        "SELECT 1 FROM webhook_deliveries WHERE delivery_id = :delivery_id FOR UPDATE",
        delivery_id=claim.delivery_id,
    )
    return found.first() is not None


async def _end_attempt(
    session: AsyncSession, courier: Courier, claim: Claim, outcome: Outcome
) -> None:
    """Unless somebody else has taken it meanwhile, because this took longer than the lease."""
    pause = None if outcome.is_success else next_pause(courier.pauses, claim.attempts)
    ended = outcome.is_success or outcome.status == GONE or pause is None
    state = ("delivered" if outcome.is_success else "failed") if ended else "pending"
    await run_sql(
        session,
        "UPDATE webhook_deliveries SET state = :state,"
        " next_attempt_at = now() + CAST(:pause AS interval),"
        " ended_at = CASE WHEN :ended THEN now() END"
        " WHERE delivery_id = :delivery_id AND attempts = :attempts AND state = 'pending'",
        state=state,
        pause=timedelta(seconds=pause or 0),
        ended=ended,
        delivery_id=claim.delivery_id,
        attempts=claim.attempts,
    )


def next_pause(pauses: Sequence[float], attempts: int) -> float | None:
    """Seconds until the next attempt after so many failed ones; None: that was the last."""
    if attempts > len(pauses):
        return None
    return pauses[attempts - 1] * (1 + random.uniform(0, JITTER))  # noqa: S311 - no secret


async def _judge_endpoint(session: AsyncSession, claim: Claim, outcome: Outcome) -> None:
    if outcome.is_success:
        await run_sql(session, _RECOVERED, endpoint_id=claim.endpoint_id)
        return
    found = await run_sql(
        session,
        _FAILED,
        endpoint_id=claim.endpoint_id,
        gone=outcome.status == GONE,
        patience=PATIENCE,
    )
    if reason := found.scalar():
        log.warning("disabled webhook: %s", reason, extra={"endpoint_id": claim.endpoint_id})


_RECOVERED = """
UPDATE webhook_endpoints SET failing_since = NULL
WHERE endpoint_id = :endpoint_id AND failing_since IS NOT NULL
"""

_FAILED = """
WITH judged AS (
    SELECT endpoint_id, coalesce(failing_since, now()) AS since,
           CASE WHEN :gone THEN 'it answered 410 Gone'
                WHEN failing_since < now() - CAST(:patience AS interval)
                THEN 'it has failed since ' || failing_since::date END AS reason
    FROM webhook_endpoints WHERE endpoint_id = :endpoint_id FOR UPDATE
)
UPDATE webhook_endpoints e SET failing_since = since, is_enabled = e.is_enabled AND reason IS NULL,
       disabled_reason = CASE WHEN e.is_enabled THEN reason ELSE e.disabled_reason END
FROM judged WHERE e.endpoint_id = judged.endpoint_id RETURNING judged.reason
"""


async def forget_old(sessions: Sessions, days: int) -> int:
    """Remove messages of so many days ago with all that became of them; how many."""
    async with sessions() as session, session.begin():
        found = await run_sql(
            session,
            "DELETE FROM webhook_messages WHERE created_at < now() - make_interval(days => :days)",
            days=days,
        )
    return int(found.rowcount)
