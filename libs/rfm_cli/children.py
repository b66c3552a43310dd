"""The two kinds of supervised processes: private servers and our own services."""

import asyncio
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from rfm_cli.processes import die_with_parent, signal_group
from rfm_cli.server import PrivateServer

_LONGEST_LINE = 2**20

Sink = Callable[[str, bytes], object]
"""Takes a service's name and a line that it wrote."""


class ServerChild:
    """A private server under an event loop, which stays free while the server starts or stops."""

    def __init__(self, server: PrivateServer) -> None:
        self.name = server.name
        self._server = server

    async def start(self) -> None:
        """Launch it from the main thread, wait for it in another."""
        await asyncio.to_thread(self._server.prepare)
        self._server.launch()
        await asyncio.to_thread(self._server.wait_ready)

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        process = self._server.process
        return await asyncio.to_thread(process.wait) if process else 0

    async def stop(self, seconds: float) -> None:
        """Ask, wait, and end it by force."""
        await asyncio.to_thread(self._server.stop, seconds)

    def kill(self) -> None:
        """End it now; its next start recovers."""
        self._server.signal(self._server.kill_signal)


class ServiceChild:
    """A process of ours whose output joins the one log stream."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        sink: Sink,
        started: Callable[[str, int], None] = lambda _name, _pid: None,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._sink = sink
        self._started = started
        self._process: Process | None = None
        self._output: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it and forward what it says."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
            limit=_LONGEST_LINE, start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )  # fmt: skip
        if self._process.stdout:
            self._output = asyncio.create_task(self._forward(self._process.stdout))
        self._started(self.name, self._process.pid)

    async def wait(self) -> int:
        """Return its exit code once it has ended and its last line is out."""
        if not self._process or not self._output:
            return 0
        code = await self._process.wait()
        # A grandchild may hold the pipe open; what it says still comes, but is not waited for.
        await asyncio.wait({self._output}, timeout=1)
        return code

    async def stop(self, seconds: float) -> None:
        """SIGTERM, wait, and kill it with all of its children."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), seconds)
        self.kill()

    def kill(self) -> None:
        """Kill it and whatever it started."""
        if self._process:
            signal_group(self._process.pid, signal.SIGKILL)

    async def _forward(self, stream: asyncio.StreamReader) -> None:
        while line := await _line(stream):
            self._sink(self.name, line)


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # the reader has dropped it
        return b"(a line of more than 1 MiB)\n"
