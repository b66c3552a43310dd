"""A gateway that dies while it tells somebody leaves the message to the next one."""

import signal

from gateway.webhooks.endpoints import Wanted, add_endpoint
from rfm_cli.processes import free_port
from rfm_common.db import run_sql
from tests.receiver import SILENCE, receiving
from tests.running import eventually, start, stop
from tests.shop import open_shop

A_MINUTE_LATER = "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'pending'"


async def test_the_next_gateway_delivers_under_the_same_id(settings, sessions) -> None:
    async with receiving([SILENCE]) as receiver:
        async with sessions() as session, session.begin():
            wanted = Wanted(url=receiver.url, events=["run.finished"])
            endpoint = await add_endpoint(session, wanted)
        await open_shop(sessions, customers=3)

        async def received(messages: int) -> None:
            async def arrived() -> bool:
                return len(receiver.received) == messages

            await eventually(arrived, what=f"message {messages}")

        for number, end in ((1, signal.SIGKILL), (2, signal.SIGTERM)):
            gateway = await start(
                "gateway", settings, API_PORT=str(free_port()), RFM_CDN="off",
                RFM_WEBHOOK_ALLOW_PRIVATE="on",
            )  # fmt: skip
            try:
                await received(number)
            finally:
                await stop(gateway, end)
            async with sessions() as session, session.begin():
                await run_sql(session, A_MINUTE_LATER)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert all(one.is_signed_with(endpoint.secret) for one in (first, second))
    async with sessions() as session:
        [state] = (await run_sql(session, "SELECT state, attempts FROM webhook_deliveries")).all()
        assert state[1] == 2
