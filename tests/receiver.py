"""A program that is told: a small HTTP server that keeps what it gets and checks signatures.

    async with receiving([500, 200]) as receiver:      # what it answers, in turn, and then 200
        ...                                            # something is sent to receiver.url
        [first, second] = receiver.received
        assert first.is_signed_with(secret)

It shares no code with the sender.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SILENCE = 0


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def data(self) -> dict[str, Any]:
        return self.message["data"]

    def is_signed_with(self, secret: str) -> bool:
        """As the specification of Standard Webhooks tells receivers to check."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        text = f"{self.id}.{self.headers['webhook-timestamp']}.{self.body.decode()}"
        right = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
        return f"v1,{right}" in self.headers["webhook-signature"].split(" ")


@dataclass(slots=True)
class Receiver:
    """Answers with `statuses` in turn (SILENCE: never), then with 200.

    `head` and `text` go with each answer.
    """

    statuses: list[int]
    url: str = ""
    head: str = ""
    text: str = "thanks"
    received: list[Received] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in lines[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append(Received(lines[0].split()[1], headers, body))
            status = self.statuses.pop(0) if self.statuses else 200
            if status == SILENCE:
                await reader.read()  # until the other side is gone
                return
            content = self.text.encode()
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{self.head}"
                "Connection: close\r\n\r\n".encode()
                + content
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def of(self, kind: str) -> list[Received]:
        """The requests with messages of one type."""
        return [one for one in self.received if one.message["type"] == kind]


@asynccontextmanager
async def receiving(statuses: Sequence[int] = ()) -> AsyncGenerator[Receiver]:
    receiver = Receiver(list(statuses))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    async with server:
        yield receiver
