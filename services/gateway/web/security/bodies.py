"""Bodies that are too large or too slow are given up; the connection closes behind them."""

import asyncio
from typing import Any

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.kit.problems import TooLargeError
from rfm_common.errors import RfmError
from rfm_common.settings import Settings

UPLOADS = ("/imports", "/dashboard/imports")
MOST_BYTES = 2**20
"""Of a body that is no upload."""
SLOWEST = 16 * 2**10
"""Bytes a second that extend the time."""


class TooSlowError(RfmError):
    """The body did not arrive in time."""


class Bodies(ASGIMiddleware):
    """Refuses a body by its announced size before a byte is read, else by what arrives."""

    def __init__(self, settings: Settings) -> None:
        self.seconds = settings.body_seconds
        self.upload_bytes = settings.max_upload_bytes

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Check, then go on with a `receive` that counts and looks at the clock."""
        most = self.upload_bytes if scope["path_template"] in UPLOADS else MOST_BYTES
        announced = next((v for n, v in scope["headers"] if n == b"content-length"), b"")
        if announced.isdigit() and int(announced) > most:
            raise TooLargeError(f"the body has {int(announced)} bytes, {most} are allowed")
        await next_app(scope, Counted(receive, most, self.seconds), send)


class Counted:
    """`receive` of one request, until its body is complete; then it may wait for ever."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self.receive = receive
        self.most = most
        self.deadline = asyncio.get_running_loop().time() + seconds
        self.count = 0
        self.is_complete = False

    async def __call__(self) -> Any:
        """The next part."""
        if self.is_complete:
            return await self.receive()
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self.receive()
        except TimeoutError as error:
            raise TooSlowError from error
        self._count(message)
        return message

    def _count(self, message: Any) -> None:
        size = len(message.get("body", b""))
        self.count += size
        self.deadline += size / SLOWEST
        self.is_complete = not message.get("more_body", False)
        if self.count > self.most:
            raise TooLargeError(f"the body is larger than {self.most} bytes")
