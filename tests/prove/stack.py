"""The real stack: `rfm up`, on servers behind proxies, in a folder that goes away afterwards."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.processes import free_port
from rfm_cli.server import PrivateServer
from rfm_cli.state import StateFolder
from rfm_cli.valkey import PrivateValkey
from rfm_common.settings import Settings
from tests.integration.cli.supervised import clean_environment, open_folder
from tests.prove.proxy import Proxy

DISK = "600m"
BUGS = Path(__file__).parent / "bugs"


class Server:
    """PostgreSQL or Valkey, started again like any supervised server, behind a proxy."""

    def __init__(self, server: PrivateServer) -> None:
        self.private = server
        server.start()
        self.proxy = Proxy(server.port)
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.proxy.start()
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if not self.private.is_running():
                await asyncio.sleep(1)
                with contextlib.suppress(Exception):  # a full disk: try again
                    self.private.prepare()
                    self.private.launch()
                    await asyncio.to_thread(self.private.wait_ready, 30)

    async def stop(self) -> None:
        if self._keeper:
            self._keeper.cancel()
        await self.proxy.stop()
        await asyncio.to_thread(self.private.stop)

    def kill(self) -> None:
        self.private.signal(self.private.kill_signal)


class SkewedPostgres(PrivatePostgres):
    """A PostgreSQL whose clock can be set, where libfaketime is installed."""

    @property
    def clock(self) -> Path:
        return self.home.parent / "clock"

    def command(self) -> list[str | Path]:
        faked = [f"{name}={value}" for name, value in faking(self.clock).items()]
        return [*(["/usr/bin/env", *faked] if faked else []), *super().command()]


class Stack:
    """Everything that one proof runs."""

    def __init__(
        self, folder: Path, bug: str | None, more: Mapping[str, str], zone: str, *, is_tight: bool
    ) -> None:
        self.folder, self.bug, self.more = folder, bug, more
        self.state = StateFolder(folder / "state")
        self.disk = folder / "servers"
        self.disk.mkdir()
        self.disk.chmod(0o755)
        self.has_small_disk = is_tight and _mount(self.disk)
        self.clock = folder / "clock"
        self.clock.write_text("+0")
        self.server_clock = self.disk / "clock"
        self.server_clock.write_text("+0")
        self.zone = zone
        self.postgres = Server(SkewedPostgres(self.disk / "postgres"))
        self.valkey = Server(PrivateValkey(self.disk / "valkey"))
        self.log = folder / "rfm.log"
        self.port = free_port()
        self.more_ports: list[int] = []
        """Of further gateways."""
        self.up: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def urls(self) -> list[str]:
        """Of every gateway that runs now."""
        return [f"http://127.0.0.1:{port}" for port in (self.port, *self.more_ports)]

    @property
    def input(self) -> Path:
        return self.folder / "data" / "input"

    @property
    def settings(self) -> Settings:
        """For looking at the servers directly, not through the proxies."""
        reach = self.postgres.private.environment() | self.valkey.private.environment()
        return Settings(
            _env_file=None,  # type: ignore[call-arg]
            **{name.lower(): value for name, value in reach.items()},  # type: ignore[arg-type]
            input_dir=self.folder / "data/input",
        )

    def environment(self) -> dict[str, str]:
        reach = self.postgres.private.environment() | {
            "DB_PORT": str(self.postgres.proxy.port),
            "REDIS_URL": f"redis://:{self.valkey.private.password}"
            f"@127.0.0.1:{self.valkey.proxy.port}/0",
            "API_PORT": str(self.port),
            "DATA_DIR": str(self.folder / "data/input"),
            "RFM_STATE_DIR": str(self.state.path),
            "RFM_REBUILD_ROWS": "20",  # so that small files replace a table, as big ones do
            "RFM_HISTORY_MONTHS": "0",  # runs that nobody asked for would be open at the end
            "RFM_CDN": "off",  # nothing here leaves the machine
            "RFM_TIMEZONE": self.zone,
            "TZ": self.zone,
        }
        faked = faking(self.clock)
        return clean_environment() | reach | self.more | self._planted() | faked

    def _planted(self) -> dict[str, str]:
        """What makes every Python process load bugs/sitecustomize.py."""
        path = os.pathsep.join([str(BUGS), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {"PYTHONPATH": path} | ({"PROVE_BUG": self.bug} if self.bug else {})

    async def start(self) -> None:
        await self.postgres.start()
        await self.valkey.start()
        await self.start_up()

    async def start_up(self) -> None:
        self.up = await self._spawn("-m", "rfm_cli", "up")

    def note(self, words: str) -> None:
        """Write into the log what is done to the product."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.log.open("a") as log:
            log.write(f"{moment} prove {words}\n")

    async def end_up(self, number: int) -> None:
        """End `rfm up`, and with it the services."""
        if self.up and self.up.returncode is None:
            await _end(self.up, number)

    @asynccontextmanager
    async def down(self, number: int = signal.SIGTERM) -> AsyncGenerator[None]:
        """Without `rfm up` for as long as this lasts."""
        try:
            await self.end_up(number)
            yield
        finally:
            await self.end_up(signal.SIGKILL)
            await self.start_up()

    @asynccontextmanager
    async def added(self, service: str) -> AsyncGenerator[None]:
        """One more process of a service, beside the one of `rfm up`; killed at the end."""
        port = free_port()
        async with self.spawned("-P", "-m", service, API_PORT=str(port)):
            self.more_ports += [port] if service == "gateway" else []
            try:
                yield
            finally:
                self.more_ports.clear()

    @asynccontextmanager
    async def spawned(
        self, *arguments: str, **more: str
    ) -> AsyncGenerator[asyncio.subprocess.Process]:
        """A process of Python that does not outlive this."""
        process = await self._spawn(*arguments, **more)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _spawn(self, *arguments: str, **more: str) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, *arguments, cwd=self.folder, env=self.environment() | more,
                stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip

    def pid(self, service: str) -> int | None:
        """The process that the supervisor runs for this service, while it lives."""
        record = self.state.running()
        pid = record.services.get(service) if record else None
        with contextlib.suppress(OSError, TypeError):
            os.kill(pid, 0)  # type: ignore[arg-type]
            return pid
        return None

    async def stop(self) -> None:
        await self.end_up(signal.SIGTERM)
        await self.postgres.stop()
        await self.valkey.stop()
        if self.has_small_disk:
            subprocess.run(["umount", self.disk], check=True)


def fake_clock() -> Path | None:
    """libfaketime, if it is installed."""
    found = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return next(found, None) if sys.platform == "linux" else None


def faking(clock: Path) -> dict[str, str]:
    """The environment in which a process goes by the clock that is set in a file."""
    library = fake_clock()
    return {} if library is None else {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip


def _mount(folder: Path) -> bool:
    """Give the servers a small disk of their own, which takes root; else the disk stays out."""
    if os.geteuid():
        return False
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(folder)]
    return subprocess.run(mount, check=False, capture_output=True).returncode == 0


async def _end(process: asyncio.subprocess.Process, number: int) -> None:
    if process.returncode is None:
        process.send_signal(number)
    try:
        await asyncio.wait_for(process.wait(), 30)
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def running(
    bug: str | None = None,
    more: Mapping[str, str] | None = None,
    zone: str = "UTC",
    *,
    is_tight: bool = True,
) -> AsyncGenerator[Stack]:
    """The stack, and nothing of it afterwards; `more` settings, a disk that is soon full or not."""
    folder = open_folder("rfm-prove-")
    stack = Stack(folder, bug, more or {}, zone, is_tight=is_tight)
    stack.input.mkdir(parents=True)
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()
        shutil.rmtree(folder, ignore_errors=True)
