"""The command: one proof, or several seeds in a row, or every seeded bug."""

import argparse
import asyncio
import random
import secrets
import sys
import time
from dataclasses import dataclass

import httpx
from redis.asyncio import Redis

from rfm_common.db import Sessions, open_sessions
from tests.prove import checker
from tests.prove.deliver import Courier
from tests.prove.nemesis import Nemesis, breaking
from tests.prove.readers import Readers, watching
from tests.prove.stack import Stack, running
from tests.running import eventually

QUIET_SECONDS = 120
BUGS = (
    "two_transactions", "ledger_by_name", "told_before_commit", "snapshot_without_swap",
    "trigger_lost",
)  # fmt: skip


@dataclass(frozen=True)
class Proof:
    """What one run survived, and what it found."""

    seed: int
    seconds: float
    files: int
    rows: int
    runs: int
    faults: dict[str, int]
    out_of_reach: list[str]
    answers: dict[int, int]
    events: int
    findings: list[str]


async def prove(seed: int, seconds: float, bug: str | None = None) -> Proof:
    """Break a stack for so long, let it come to rest, and check it."""
    started = time.monotonic()
    async with running(bug) as stack:
        nemesis = Nemesis(stack, random.Random(seed))
        courier = Courier(stack, seed)
        readers = Readers(stack, nemesis.since, seed)
        await _ready(stack)
        async with watching(readers):
            async with breaking(nemesis):
                await _for(seconds, courier)
            findings = await _rest(stack, QUIET_SECONDS / 4 if bug else QUIET_SECONDS)
        async with open_sessions(stack.settings, "prove") as sessions:
            found = await checker.read(sessions)
        async with Redis.from_url(stack.settings.redis_url.get_secret_value()) as redis:
            logs = [stack.log, stack.postgres.private.log, stack.valkey.private.log]
            findings += await checker.check_privacy(redis, logs)
        findings += checker.check(found, courier.done, readers.seen, stack.folder / "data")
        if findings and not bug:
            print(f"the log is kept in {_keep_log(stack, seed)}")
        return Proof(
            seed=seed, seconds=round(time.monotonic() - started, 1), files=len(found.imports),
            rows=sum(row.rows_total for row in found.imports),
            runs=found.run.run_id if found.run else 0, faults=dict(nemesis.counts),
            out_of_reach=nemesis.out_of_reach(),
            answers=dict(readers.seen.answers), events=readers.seen.events.total(),
            findings=findings,
        )  # fmt: skip


def _keep_log(stack: Stack, seed: int) -> str:
    kept = f"prove-{seed}.log"
    with open(kept, "wb") as target:  # noqa: PTH123
        target.write(stack.log.read_bytes())
    return kept


async def _ready(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as client:

        async def healthy() -> bool:
            return (await client.get("/health")).status_code == 200

        await eventually(healthy, 90, "the stack answers")


async def _for(seconds: float, courier: Courier) -> None:
    try:
        async with asyncio.timeout(seconds):
            await courier.run()
    except TimeoutError:
        pass


async def _rest(stack: Stack, seconds: float) -> list[str]:
    """Wait until nothing moves any more; what still does after a long while is a finding."""
    async with open_sessions(stack.settings, "prove") as sessions:
        deadline = time.monotonic() + seconds
        calm = 0
        while time.monotonic() < deadline:
            calm = calm + 1 if await _is_calm(stack, sessions) else 0
            if calm >= 10:
                return []
            await asyncio.sleep(0.3)
    return [f"no rest within {seconds:g} s"]


async def _is_calm(stack: Stack, sessions: Sessions) -> bool:
    waiting = [
        path for path in (stack.folder / "data" / "input").iterdir() if path.suffix == ".csv"
    ]
    try:
        found = await checker.read(sessions)
    except Exception:  # PostgreSQL may still be recovering
        return False
    return not (waiting or found.open_runs or found.unpublished
                or found.versions[0] != found.versions[1]
                or any(row.state == "reading" for row in found.imports))  # fmt: skip


def show(proof: Proof) -> None:
    faults = ", ".join(f"{name} {count}" for name, count in sorted(proof.faults.items()))
    print(
        f"seed {proof.seed}: {proof.seconds} s, {proof.files} files, {proof.rows} rows,"
        f" {proof.runs} runs, {proof.events} events, answers {proof.answers}\n"
        f"  {sum(proof.faults.values())} faults: {faults}"
    )
    if proof.out_of_reach:
        print(f"  skipped here: {', '.join(proof.out_of_reach)}")
    for finding in proof.findings:
        print(f"  BROKEN: {finding}")


async def main(arguments: argparse.Namespace) -> int:
    if arguments.bugs:
        return await _prove_the_checker(arguments)
    broken = 0
    for number in range(arguments.runs):
        proof = await prove(arguments.seed + number, arguments.seconds)
        show(proof)
        broken += bool(proof.findings)
    print("every promise held" if not broken else f"{broken} of {arguments.runs} runs broke one")
    return min(broken, 1)


async def _prove_the_checker(arguments: argparse.Namespace) -> int:
    """Each seeded bug must be found."""
    missed = []
    for bug in BUGS:
        proof = await prove(arguments.seed, arguments.seconds, bug)
        print(f"bug {bug}: " + (f"found: {proof.findings[0]}" if proof.findings else "NOT FOUND"))
        if not proof.findings:
            missed.append(bug)
    return min(len(missed), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="prove", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--seconds", type=float, default=120, help="of faults, for each run")
    parser.add_argument("--runs", type=int, default=1, help="so many seeds in a row")
    parser.add_argument("--bugs", action="store_true", help="seed bugs: each must be found")
    sys.exit(asyncio.run(main(parser.parse_args())))
