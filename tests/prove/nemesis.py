"""What goes wrong: one fault after the other from the seed, each healed after a while."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions, run_sql
from rfm_common.tasks import alongside
from tests.prove.files import SKEW
from tests.prove.proxy import Line
from tests.prove.stack import Server, Stack, fake_clock

SERVICES = ("ingest", "scoring", "gateway")

AT_WORK = {
    "ingest": "SELECT claimed_by FROM imports WHERE state = 'reading'",
    "scoring": "SELECT worker FROM scoring_runs WHERE state = 'running'",
}
"""Who is in the middle of something, as host:pid: when a kill hurts most."""
PATIENCE = 20.0
"""Seconds to wait for that moment."""

SCORED = 75.0
"""Seconds to wait for a run: while files come it waits for a minute."""

HEALING = 60.0
"""Seconds in which a fault that was cut off may still mend what it broke."""

Fault = Callable[[], Awaitable[None]]


@dataclass
class Nemesis:
    """Breaks a stack until it is cancelled; `peace` says for how long nothing was broken."""

    stack: Stack
    random: random.Random
    only: Sequence[str] | None = None
    """The faults to choose from; None: all of them."""
    more: Mapping[str, Fault] = field(default_factory=dict)
    """Faults that are made elsewhere."""
    counts: Counter[str] = field(default_factory=Counter)
    healed: set[str] = field(default_factory=set)
    """The faults that have been there from begin to end."""
    last: float = 0.0
    """When the last fault was healed, or its consequence last seen; monotonic."""
    is_active: bool = False

    def faults(self) -> dict[str, Fault]:
        """Every fault that this machine allows, by name."""
        stack = self.stack
        found: dict[str, Fault] = {
            **{f"kill {name}": self._ending(name, signal.SIGKILL) for name in SERVICES},
            **{f"stop {name}": self._ending(name, signal.SIGTERM) for name in SERVICES},
            **{f"freeze {name}": self._freezing(name) for name in SERVICES},
            "kill rfm up": self._kill_supervisor,
            "immediate stop of PostgreSQL": self._crashing(stack.postgres),
            "kill Valkey": self._crashing(stack.valkey),
            "FLUSHALL": self._flush,
            "second ingest": self._doubling("ingest"),
            "second worker": self._doubling("scoring"),
            "second gateway": self._doubling("gateway"),
            **self.more,
        }
        for name, server in (("PostgreSQL", stack.postgres), ("Valkey", stack.valkey)):
            for line in ("slow", "cut", "silent"):
                found[f"{line} line to {name}"] = self._line(server, line)
        if stack.has_small_disk:
            found["full disk"] = self._fill_disk
        if fake_clock():
            found["clock skew"] = self._skewing(stack.clock)
            found["every clock skewed"] = self._skewing(stack.clock, stack.server_clock)
            found["kill scoring, set every clock back"] = self._kill_and_set_back
        return found

    def out_of_reach(self) -> list[str]:
        """Faults that need root or a library that is not here."""
        clock = bool(fake_clock())
        needs = {
            "full disk": self.stack.has_small_disk,
            "clock skew": clock,
            "every clock skewed": clock,
            "kill scoring, set every clock back": clock,
        }
        return [name for name, there in needs.items() if not there]

    async def run(self) -> None:
        """A fault, a while of peace, the next fault; a round has each fault once, shuffled."""
        faults = self.faults()
        round_ = list(faults if self.only is None else self.only)
        while round_:
            self.random.shuffle(round_)
            for name in round_:
                await self._strike(name, faults[name])
                await asyncio.sleep(self.random.uniform(0.5, 2.5))

    async def _strike(self, name: str, fault: Fault) -> None:
        self.counts[name] += 1
        self.is_active = True
        self.stack.note(f"begin: {name}")
        try:
            await fault()
            self.healed.add(name)
        finally:
            self.stack.note(f"end: {name}")
            self.is_active, self.last = False, time.monotonic()

    def peace(self) -> float:
        """Seconds since something was broken; 0 while it is."""
        return 0.0 if self.is_active else time.monotonic() - self.last

    async def watch(self) -> None:
        """No peace before the server is back: on a crowded machine that takes a while."""
        async with open_sessions(self.stack.settings, "nemesis") as sessions:
            while True:
                if not await is_found(sessions, "SELECT 1"):
                    self.last = time.monotonic()
                await asyncio.sleep(0.5)

    def _while(self) -> float:
        return self.random.uniform(0.5, 4)

    def _ending(self, service: str, number: int) -> Fault:
        async def fault() -> None:
            await self._wait_for_work(service, PATIENCE)
            await asyncio.sleep(self.random.choice((0, self.random.uniform(0, 2))))
            self._signal(service, number)

        return fault

    async def _wait_for_work(self, service: str, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._at_work(service)

    def _signal(self, service: str, number: int) -> None:
        if pid := self.stack.pid(service):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def _at_work(self, service: str) -> None:
        """Wait until the service runs and is in the middle of something."""
        async with open_sessions(self.stack.settings, "nemesis") as sessions:
            while True:
                pid = self.stack.pid(service)
                if pid and (
                    service not in AT_WORK or pid in await at_work(sessions, AT_WORK[service])
                ):
                    return
                await asyncio.sleep(0.02)

    def _freezing(self, service: str) -> Fault:
        async def fault() -> None:
            if pid := self.stack.pid(service):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    try:
                        await asyncio.sleep(self.random.uniform(1, 12))
                    finally:
                        os.kill(pid, signal.SIGCONT)

        return fault

    async def _kill_supervisor(self) -> None:
        async with self.stack.down(signal.SIGKILL):
            await asyncio.sleep(self._while())

    def _crashing(self, server: Server) -> Fault:
        async def fault() -> None:
            server.kill()
            await asyncio.sleep(self._while())

        return fault

    async def _flush(self) -> None:
        with contextlib.suppress(Exception):  # it may be away just now
            async with open_redis(self.stack.settings, "nemesis") as redis:
                await redis.flushall()

    def _doubling(self, service: str) -> Fault:
        async def fault() -> None:
            async with self.stack.added(service):
                await asyncio.sleep(self.random.uniform(3, 8))

        return fault

    def _line(self, server: Server, line: Line) -> Fault:
        async def fault() -> None:
            server.proxy.line = line
            if line == "cut":
                server.proxy.drop()
            try:
                await asyncio.sleep(self.random.uniform(1, 7))
            finally:
                server.proxy.line = "good"

        return fault

    async def _fill_disk(self) -> None:
        ballast = self.stack.disk / "ballast"
        try:
            await asyncio.to_thread(_fill, str(ballast))
            await asyncio.sleep(self._while())
        finally:
            ballast.unlink(missing_ok=True)

    def _skewing(self, *clocks: Path) -> Fault:
        """Clocks that run ahead are set back at its end, and those that run behind at its begin."""

        async def fault() -> None:
            with _skewed(self.random.choice((-SKEW, SKEW)), *clocks):
                await asyncio.sleep(self.random.uniform(2, 6))

        return fault

    async def _kill_and_set_back(self) -> None:
        """What a worker that died noted lies in the future then."""
        with _skewed(SKEW, self.stack.clock, self.stack.server_clock):
            await asyncio.sleep(1.5)  # libfaketime looks once a second
            await self._wait_for_work("scoring", SCORED)
            self._signal("scoring", signal.SIGKILL)


@contextlib.contextmanager
def _skewed(days: int, *clocks: Path) -> Generator[None]:
    for clock in clocks:
        clock.write_text(f"{days:+d}d")
    try:
        yield
    finally:
        for clock in clocks:
            clock.write_text("+0")


async def at_work(sessions: Sessions, question: str) -> set[int]:
    """The processes that the question names; none while the server recovers."""
    with contextlib.suppress(Exception):
        async with sessions() as session:
            found = (await run_sql(session, question)).scalars()
            return {int(str(owner).split(":")[1]) for owner in found if owner}
    return set()


async def is_found(sessions: Sessions, question: str, **values: object) -> bool:
    """Whether PostgreSQL answers at once, and with anything."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1), sessions() as session:
            return (await run_sql(session, question, **values)).first() is not None
    return False


def _fill(path: str) -> None:
    block = b"\0" * 2**20
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):  # noqa: PTH123
        while file.write(block):
            pass


@asynccontextmanager
async def breaking(nemesis: Nemesis) -> AsyncGenerator[None]:
    """Faults for as long as this lasts; one that is cut off in the middle heals itself."""
    async with alongside(nemesis.run(), again=HEALING):
        yield
