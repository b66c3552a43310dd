"""uvicorn as the gateway runs it: open streams end on a signal, silent connections in time."""

import asyncio
from types import FrameType

import h11
import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.h11_impl import H11Protocol

from rfm_common.settings import Settings

HEADER_SECONDS = 15
"""From opening a connection, or from the first byte of a later request, to its last header."""


class Protocol(H11Protocol):
    """Closes connections that do not come to the point; uvicorn would wait for ever."""

    patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, but not long."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when the headers are complete."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self.patience is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self.patience = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self.patience:
            self.patience.cancel()
        self.patience = None


class Server(uvicorn.Server):
    """Ends open event streams on the first signal; they would keep the server waiting."""

    def __init__(self, settings: Settings, app: Litestar) -> None:
        self.litestar = app
        config = uvicorn.Config(
            app,
            host=settings.api_host,
            port=settings.api_port,
            http=Protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=sorted(settings.proxies),
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell everything that waits, then stop as usual."""
        self.litestar.state.closing.set()
        self.litestar.state.live.close()
        super().handle_exit(sig, frame)
