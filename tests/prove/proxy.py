"""A TCP proxy whose line can be slow, cut, or silent."""

import asyncio
import contextlib
from typing import Literal

Line = Literal["good", "slow", "cut", "silent"]


class Proxy:
    """Listens on loopback and passes everything on, as well as `line` permits."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.line: Line = "good"
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        self.drop()

    def drop(self) -> None:
        """Reset every connection that is open now."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.line == "cut":
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, there[1]}
        try:
            await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))
        finally:
            for end in (writer, there[1]):
                self._open.discard(end)
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if self.line == "slow":
                    await asyncio.sleep(0.05)
                while self.line == "silent":
                    await asyncio.sleep(0.1)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
