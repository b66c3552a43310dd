"""Who lists many customers with a key or a login: limited, and in the audit log."""

from collections import Counter

from litestar.types import Message, Scope, Send

from gateway.kit.people import count_with
from gateway.web.security.limits import Limits
from rfm_common import audit

MANY = 1000
"""Customers that a caller lists until the audit log gets an entry."""
ACTION: audit.Action = "list.customers"


class Lists:
    """Counts for each caller, in this process; what is less than `MANY` is lost with it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.listed: Counter[str] = Counter()

    def watching(self, scope: Scope, actor: str, send: Send) -> Send:
        """Count what the request reads, up to the limit (429); the entry is written by `send`,
        before the first byte of the answer leaves."""

        def take(rows: int) -> None:
            self.limits.take("customers", actor, rows)
            self.listed[actor] += rows

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and self.listed[actor] >= MANY:
                await self._note(scope, actor)
            await send(message)

        count_with(take)
        return noted

    async def _note(self, scope: Scope, actor: str) -> None:
        listed = self.listed.pop(actor)
        async with scope["litestar_app"].state.sessions() as session, session.begin():
            audit.record(session, actor, ACTION, rows=listed)
