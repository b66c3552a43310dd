"""`rfm up`: private servers, migrations and the three services, in order, until a signal."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import httpx

from rfm_cli.children import ServerChild, ServiceChild
from rfm_cli.client import base_url
from rfm_cli.logstream import LogStream
from rfm_cli.processes import end_leftover, free_port, port_is_free
from rfm_cli.recovery import recover
from rfm_cli.servers import private_servers, with_servers
from rfm_cli.state import Record, StateFolder
from rfm_cli.supervisor import Child, keep_running
from rfm_common.errors import RfmError
from rfm_common.settings import Settings, env_file_doubts, service_environment

log = logging.getLogger(__name__)

SERVICES: Mapping[str, Sequence[str]] = {
    name: ("-m", name) for name in ("ingest", "scoring", "gateway")
}
"""What Python runs for each service."""

# Together under the ten seconds that a stop may take.
_SERVICE_SECONDS = 5.5
_SERVER_SECONDS = {"valkey": 1.0, "postgres": 2.5}

_POLL = 0.1

OnReady = Callable[[str], Awaitable[None]]
UseDatabase = Callable[[Settings], Awaitable[None]]


class PortInUseError(RfmError):
    """The port that the API should listen on is in use."""


def with_port(settings: Settings) -> Settings:
    """The settings with a port that is free now; port 0 picks one."""
    port = settings.api_port or free_port()
    if not port_is_free(port, settings.api_host):
        raise PortInUseError(
            f"port {port} of {settings.api_host} is in use: stop what listens there,"
            " or choose another with --port N (--port 0 picks a free one)"
        )
    return settings.model_copy(update={"api_port": port})


class Stack:
    """Everything that `rfm up` runs; `on_ready` gets the URL once it answers."""

    def __init__(
        self,
        settings: Settings,
        on_ready: OnReady,
        programs: Mapping[str, Sequence[str]] = SERVICES,
    ) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._programs = programs
        self._state = StateFolder(settings.state_dir)
        self._record = Record(os.getpid(), base_url(settings), str(settings.input_dir.absolute()))
        self._mark = f"rfm={self._state.path}"
        self._servers: list[ServerChild] = []
        self._services: list[ServiceChild] = []
        self._stopping = asyncio.Event()
        self._log = LogStream(settings)

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM, then stop everything; raises what prevents a start."""
        self._settings.input_dir.mkdir(parents=True, exist_ok=True)
        self._end_leftovers()
        self._state.write(self._record)
        self._log.take_own_lines()
        for doubt in env_file_doubts():
            log.warning(doubt)
        self._listen()
        try:
            await self._until_stopped()
        finally:
            await self._stop()
            self._state.forget()

    def _end_leftovers(self) -> None:
        """Services of a supervisor that was killed; the servers look after themselves."""
        record = self._state.record()
        for name, pid in (record.services if record else {}).items():
            if end_leftover(pid, f"{self._mark} ", signal.SIGTERM, _SERVICE_SECONDS):
                log.info("ended %s of an earlier run (pid %d)", name, pid)

    def _listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            log.warning("killing everything; the next start recovers")
            children: list[Child] = [*self._services, *self._servers]
            for child in children:
                child.kill()
        self._stopping.set()

    async def _until_stopped(self) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        work = asyncio.create_task(self._work())
        await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            stopping.cancel()
            await work
        log.info("stopping")
        work.cancel()
        await asyncio.wait({work})

    async def _work(self) -> None:
        """Bring everything up and keep it up; ends only by an error or by cancellation."""
        try:
            async with asyncio.TaskGroup() as group:
                tools = asyncio.create_task(asyncio.to_thread(_database_tools))
                settings = await self._start_servers(group)
                check_servers, upgrade, check = await tools
                await check_servers(self._settings)
                await asyncio.to_thread(recover, settings)
                await upgrade(settings)
                log.debug("the database has the newest schema")
                await check(settings)
                await self._start_services(group, settings)
                await self._answers(base_url(settings))
                await self._on_ready(base_url(settings))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _start_servers(self, group: asyncio.TaskGroup) -> Settings:
        servers = private_servers(self._settings)
        self._servers = [ServerChild(server) for server in servers]
        await asyncio.gather(*(child.start() for child in self._servers))
        for server, child in zip(servers, self._servers, strict=True):
            log.debug("%s runs on port %d", server.name, server.port)
            group.create_task(keep_running(child))
        return with_servers(self._settings, servers)

    async def _start_services(self, group: asyncio.TaskGroup, settings: Settings) -> None:
        environment = service_environment(settings)
        for name, program in self._programs.items():
            command = [sys.executable, "-P", "-X", self._mark, *program]
            child = ServiceChild(name, command, environment, self._log, self._note)
            self._services.append(child)
            await child.start()
            group.create_task(keep_running(child))

    def _note(self, name: str, pid: int) -> None:
        self._record.services[name] = pid
        self._state.write(self._record)

    async def _answers(self, url: str) -> None:
        """Wait until /health says that all is well; services that die are being restarted."""
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=5) as client:
            while not await _is_healthy(client):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(_POLL)

    async def _stop(self) -> None:
        """Services first, so that none meets a server that is gone; then Valkey, PostgreSQL."""
        await asyncio.gather(*(child.stop(_SERVICE_SECONDS) for child in self._services))
        for child in reversed(self._servers):
            await child.stop(_SERVER_SECONDS[child.name])


def _database_tools() -> tuple[UseDatabase, UseDatabase, UseDatabase]:
    """What looks at servers, schema and keys: loading it takes as long as starting the servers."""
    from rfm_cli.entrance import check  # noqa: PLC0415 - beside the start of the servers
    from rfm_cli.preflight import check_servers  # noqa: PLC0415
    from rfm_common.schema import upgrade  # noqa: PLC0415

    return check_servers, upgrade, check


async def _is_healthy(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.HTTPError):
        return (await client.get("/health")).is_success
    return False
