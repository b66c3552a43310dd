"""One proof: break a stack for a while, let it come to rest, check it."""

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis

from rfm_common.db import Sessions, open_sessions
from rfm_common.tasks import alongside
from tests.prove import checker
from tests.prove.acts import Acts
from tests.prove.deliver import Courier
from tests.prove.finding import Finding
from tests.prove.nemesis import Nemesis, breaking
from tests.prove.readers import Readers, Seen, watching
from tests.prove.stack import Stack, running
from tests.prove.zones import last_to_end
from tests.running import eventually

STUCK_SECONDS = 120.0
"""Without any change, and not at rest: then it will never be, on a crowded machine either."""
LONGEST = 5
"""So many times as long it may move: then it works for ever."""
CALM = 10
"""Looks in a row, 0.3 s apart, at which nothing was left to do."""


@dataclass
class Proof:
    """What one run survived, and what it found."""

    seed: int
    seconds: float = 0
    files: Counter[str] = field(default_factory=Counter)
    """By what became of them."""
    ways: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    out_of_reach: list[str] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    table_reads: int = 0
    findings: list[Finding] = field(default_factory=list)


async def prove(
    seed: int, seconds: float, bug: str | None = None, only: Sequence[str] | None = None,
    stuck: float = STUCK_SECONDS,
) -> Proof:  # fmt: skip
    """Break a stack for so many seconds, let it come to rest, and check it.

    With `only`, no other faults than these.
    """
    started = time.monotonic()
    async with running(bug, zone=last_to_end(datetime.now(UTC))) as stack:
        courier = Courier(stack, seed)
        acts = Acts(stack, courier, random.Random(seed + 2))
        nemesis = Nemesis(stack, random.Random(seed), only, acts.faults())
        readers = Readers(stack, nemesis.peace, seed)
        await _ready(stack)
        async with alongside(nemesis.watch()), watching(readers):
            async with breaking(nemesis):
                await courier.run(seconds, lambda: nemesis.healed.issuperset(only or ()))
            await courier.deliver_during_a_run()
            proof = Proof(seed, faults=nemesis.counts, out_of_reach=nemesis.out_of_reach(),
                          ways=courier.done.ways, seen=readers.seen)  # fmt: skip
            proof.findings += await _rest(stack, readers.seen, stuck)
        proof.table_reads = readers.tables.reads
        proof.findings += acts.wrong
        await _check(stack, courier, proof)
        if bool(proof.findings) != bool(bug):
            print(f"the log is kept in {_keep_log(stack, seed)}")
    proof.seconds = round(time.monotonic() - started, 1)
    return proof


async def _check(stack: Stack, courier: Courier, proof: Proof) -> None:
    async with open_sessions(stack.settings, "prove") as sessions:
        found = await checker.read(sessions)
    proof.files = Counter(row.state for row in found.imports)
    proof.rows = sum(row.rows_total for row in found.imports)
    proof.runs = len(found.ended_runs)
    async with Redis.from_url(stack.settings.redis_url.get_secret_value()) as redis:
        logs = [stack.log, stack.postgres.private.log, stack.valkey.private.log]
        proof.findings += await checker.check_privacy(redis, logs)
    proof.findings += checker.check(found, courier.done, proof.seen, stack.folder / "data")


def _keep_log(stack: Stack, seed: int) -> Path:
    kept = Path(tempfile.gettempdir()) / f"rfm-prove-{seed}.log"
    shutil.copyfile(stack.log, kept)
    return kept


async def _ready(stack: Stack) -> None:
    await eventually(lambda: _is_healthy(stack), 120, "the stack answers")


async def _is_healthy(stack: Stack) -> bool:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as client:
        return (await client.get("/health")).status_code == 200


async def _rest(stack: Stack, seen: Seen, stuck: float) -> list[Finding]:
    """Wait until nothing is left to do, for as long as anything moves, but not for ever."""
    async with open_sessions(stack.settings, "prove") as sessions:
        began, moved, before, calm = time.monotonic(), time.monotonic(), None, 0
        while calm < CALM:
            left = await _left(stack, sessions, seen)
            calm = calm + 1 if left == {} else 0
            if left != before:
                moved, before = time.monotonic(), left
            if calm == 0 and time.monotonic() - moved > stuck:
                return [
                    Finding("rest", f"nothing moved for {stuck:g} s, and there is left: {left}")
                ]
            if time.monotonic() - began > LONGEST * stuck:
                return [
                    Finding("rest", f"no rest for {LONGEST * stuck:g} s; there is left: {left}")
                ]
            await asyncio.sleep(0.3)
    return []


async def _left(stack: Stack, sessions: Sessions, seen: Seen) -> dict[str, Any]:
    """What is still to be done, in words that change when some of it is."""
    try:
        found = await checker.read(sessions)
    except Exception as error:  # PostgreSQL may still be recovering
        return {"the database": type(error).__name__}
    left: dict[str, Any] = {
        "files": sorted(ascii(path.name) for path in stack.input.glob("*.csv")),
        "imports": [row.import_id for row in found.imports if row.state == "reading"],
        "versions": found.versions if found.versions[0] != found.versions[1] else None,
        "runs": (found.steps, len(found.ended_runs)) if found.open_runs else None,
        "erasures": found.open_erasures,
        "events": found.unpublished,
        "stream": [*checker.check_stream(found, seen)],
        "health": None if await _answers(stack) else "it does not answer",
    }
    return {what: words for what, words in left.items() if words}


async def _answers(stack: Stack) -> bool:
    try:
        return await _is_healthy(stack)
    except httpx.HTTPError:
        return False
