"""Faults that people and other programs make: erasures, backups, restores, zones, uploads."""

import asyncio
import contextlib
import itertools
import random
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx

from rfm_cli.archive import BackupError, unpack
from rfm_common.db import open_sessions
from rfm_common.schema import known_revisions
from tests.prove.deliver import Courier
from tests.prove.files import PERSONS
from tests.prove.finding import Finding
from tests.prove.nemesis import AT_WORK, PATIENCE, SCORED, Fault, at_work, is_found
from tests.prove.stack import Stack
from tests.prove.zones import sooner_to_end

RESTORING = Path(__file__).with_name("restoring.py")
MOMENT = 3.0
"""Seconds to wait until a service is at work."""
MEASURED = (
    "SELECT 1 FROM scoring_runs WHERE is_current AND summary #>> '{measured,timezone}' = :zone"
)


class Acts:
    """What `faults` names; what it must not see goes to `wrong`."""

    def __init__(self, stack: Stack, courier: Courier, chance: random.Random) -> None:
        self.stack, self.courier, self.random = stack, courier, chance
        self.wrong: list[Finding] = []
        self.waiting = list(PERSONS)
        """Who may still be erased."""
        self.random.shuffle(self.waiting)
        self.kills = itertools.cycle(("moves", "any"))
        """Where restores are killed."""
        self.first_zone = stack.zone

    def faults(self) -> Mapping[str, Fault]:
        return {
            "erase beside a backup": self._erase_beside_backup,
            "restore killed": self._restore_killed,
            "another time zone": self._change_zone,
            "poison file": self.courier.deliver_poison,
            "colliding names": self._collide,
        }

    async def _collide(self) -> None:
        """Several at once want one name, of two gateways too."""
        async with self.stack.added("gateway"):
            await self._answering(self.stack.urls[-1])
            for _ in range(3):
                await self.courier.deliver_colliding()

    async def _within(self, seconds: float, look: Callable[[], Awaitable[object]]) -> None:
        """Wait until it is so, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await look():
                    await asyncio.sleep(0.02)

    async def _answering(self, url: str) -> None:
        async def is_healthy() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return (await client.get("/health")).is_success
            return False

        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            await self._within(10, is_healthy)

    async def _erase_beside_backup(self) -> None:
        """Two people go while files load, a run scores and a backup is written."""
        target = self.stack.folder / "beside.tar.gz"
        async with self.stack.spawned("-m", "rfm_cli", "backup", str(target), "--replace") as made:
            for service in ("ingest", "scoring"):
                await self._until_at_work(service)
                await self._erase()
            code = await made.wait()
        if code == 0:
            self.wrong += await asyncio.to_thread(self._check_backup, target)

    async def _until_at_work(self, service: str) -> None:
        async with open_sessions(self.stack.settings, "nemesis") as sessions:
            await self._within(MOMENT, lambda: at_work(sessions, AT_WORK[service]))

    async def _erase(self) -> None:
        if not self.waiting:
            return
        person = self.waiting.pop()
        self.courier.done.perhaps_erased.add(person)
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=self.stack.url, trust_env=False) as client:
                answer = await client.delete(
                    f"/customers/{person}", params={"unknown": "true"}, timeout=15
                )
            if answer.status_code == 202:
                self.courier.done.erased.add(person)
            elif answer.status_code != 503:
                what = f"DELETE /customers/{person}: {answer.status_code} {answer.text[:200]}"
                self.wrong.append(Finding("answers", what))

    def _check_backup(self, made: Path) -> list[Finding]:
        """A backup that was reported as made can be restored."""
        stage = self.stack.folder / "unpacked"
        try:
            stage.mkdir()
            unpack(made, stage, known_revisions(self.stack.settings), unlisted=False)
        except BackupError as error:
            return [Finding("backup", str(error))]
        finally:
            shutil.rmtree(stage)
        return []

    async def _restore_killed(self) -> None:
        """A restore of what is there just now, killed at a step: whichever way it ends, all is as
        it was."""
        await self._within(PATIENCE, self._has_archived)
        kind, share = next(self.kills), self.random.random()
        async with (
            self.courier.still,
            self.stack.down(),
            self.stack.spawned(str(RESTORING), kind, str(share)) as process,
        ):
            code = await process.wait()
        if code not in (0, -signal.SIGKILL):
            self.wrong.append(Finding("restore", f"it ended with {code}: see the log"))

    async def _has_archived(self) -> bool:
        return any((self.stack.folder / "data" / "archive").glob("*"))

    async def _change_zone(self) -> None:
        """The machine and the shop are in another zone from now on.

        Its day ends sooner than the first zone's, of which a snapshot is published by then: the
        scores to come look back from an earlier moment.
        """
        async with open_sessions(self.stack.settings, "nemesis") as sessions:
            await self._within(SCORED, lambda: is_found(sessions, MEASURED, zone=self.stack.zone))
        async with self.stack.down():
            zones = set(sooner_to_end(self.first_zone, datetime.now(UTC))) - {self.stack.zone}
            self.stack.zone = self.random.choice(sorted(zones))
