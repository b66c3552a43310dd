"""The command: several seeds in a row, or every seeded bug."""

import argparse
import asyncio
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.prove import soak
from tests.prove.proof import Proof, prove


@dataclass(frozen=True)
class Bug:
    """A bug of bugs/seeded.py, the check made for it, and the faults that bring it to light."""

    name: str
    checks: tuple[str, ...]
    only: tuple[str, ...] = ()
    """The faults of its run; most bugs need none."""


BUGS = (
    Bug("two_transactions", ("new rows", "tables"), ("kill ingest",)),
    Bug("ledger_by_name", ("ledger",)),
    Bug("told_before_commit", ("told too early",)),
    Bug("snapshot_without_swap", ("whole snapshots",)),
    Bug("trigger_lost", ("catching up",)),
    Bug("upload_over_name", ("ledger",), ("colliding names",)),
    Bug("names_in_utf8", ("rest", "ledger")),
    Bug("attempts_forgotten", ("rest",), ("poison file",)),
    Bug("erased_in_tables_only", ("erasures",), ("erase beside a backup",)),
    Bug("restore_half_undone", ("restore", "ledger", "folders"), ("restore killed",)),
    Bug("later_zone_shown", ("snapshot",), ("another time zone",)),
    Bug("clock_believed", ("rest",), ("kill scoring, set every clock back",)),
)
SECONDS = 30.0
"""Of faults, when nobody asks for more or less."""
STUCK_WITH_BUG = 20.0


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def show(proof: Proof) -> None:
    print(
        f"seed {proof.seed}: {'BROKEN' if proof.findings else 'held'} in {proof.seconds} s;"
        f" {proof.files.total()} files, {proof.faults.total()} faults, {proof.runs} runs"
    )
    for finding in proof.findings:
        print(f"  {finding}")


def counted(counts: Counter[str]) -> str:
    return f"{counts.total()}: {listed(counts)}"


def total(counts: Sequence[Counter[str]]) -> Counter[str]:
    return sum(counts, Counter())


def summary(proofs: Sequence[Proof]) -> dict[str, str]:
    """What was survived, as docs/reliability.md quotes it."""
    seen = [proof.seen for proof in proofs]
    answers = total([Counter({str(code): n for code, n in one.answers.items()}) for one in seen])
    found = {
        "files": counted(total([proof.files for proof in proofs])),
        "came": listed(total([proof.ways for proof in proofs])),
        "rows": str(sum(proof.rows for proof in proofs)),
        "faults": counted(total([proof.faults for proof in proofs])),
        "runs of scoring": str(sum(proof.runs for proof in proofs)),
        "answers, by status": counted(answers),
        "snapshots added up": str(sum(one.snapshots for one in seen)),
        "reads of the tables": str(sum(proof.table_reads for proof in proofs)),
        "exports": counted(total([one.exports for one in seen])),
        "events": str(sum(one.events.total() for one in seen)),
        "streams resumed": str(sum(one.resumed for one in seen)),
    }
    missing = {name for proof in proofs for name in proof.out_of_reach}
    return found | ({"not possible here": ", ".join(sorted(missing))} if missing else {})


async def prove_seeds(first: int, runs: int, seconds: float) -> bool:
    """So many seeds in a row, up to the first that breaks a promise; whether none did."""
    started, proofs = time.monotonic(), []
    print(f"{runs} seeds from {first}, {seconds:g} s of faults each")
    for seed in range(first, first + runs):
        proofs.append(await prove(seed, seconds))
        show(proofs[-1])
        if proofs[-1].findings:
            break
    print(f"{len(proofs)} seeds in {time.monotonic() - started:.0f} s")
    for name, words in summary(proofs).items():
        print(f"| {name} | {words} |")
    broken = proofs[-1].findings
    print(f"seed {proofs[-1].seed} broke a promise" if broken else "every promise held")
    return not broken


async def prove_checker(seed: int, seconds: float, bugs: Sequence[Bug]) -> bool:
    """A run with each bug; whether each was found by its own check."""
    print(f"seed {seed}, {seconds:g} s each")
    print("| bug | found by | seconds |\n|---|---|---|")
    missed = [bug.name for bug in bugs if not await _is_found(seed, seconds, bug)]
    print(f"missed: {', '.join(missed)}" if missed else f"all {len(bugs)} bugs were found")
    return not missed


async def _is_found(seed: int, seconds: float, bug: Bug) -> bool:
    proof = await prove(seed, seconds, bug.name, bug.only, STUCK_WITH_BUG)
    mine = [one for one in proof.findings if one.check in bug.checks]
    others = Counter(one.check for one in proof.findings if one not in mine)
    by = str(mine[0])[:120] if mine else f"NOT FOUND; others: {listed(others) or 'none'}"
    print(f"| {bug.name} | {by} | {proof.seconds:.0f} |")
    return bool(mine)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="prove", description="Break the product, and check it.")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000), help="the first")
    parser.add_argument(
        "--runs",
        type=int,
        default=10,
        help="so many seeds in a row (10), up to the first that breaks a promise",
    )
    parser.add_argument("--seconds", type=float, help="of faults, for each (30); of drops (300)")
    parser.add_argument("--bugs", action="store_true", help="plant bugs: each must be found")
    parser.add_argument("--bug", choices=[bug.name for bug in BUGS], help="only this one")
    parser.add_argument("--soak", action="store_true", help="no faults: does anything grow?")
    parser.add_argument("--orders", type=int, default=1_000_000, help="of the shop to soak (1M)")
    return parser.parse_args()


async def prove_still(orders: int, seconds: float, seed: int) -> bool:
    """Steady drops without faults; whether nothing grew."""
    return soak.show(await soak.soak(orders, seconds, seed))


def main(chosen: argparse.Namespace) -> int:
    seconds = chosen.seconds or (300.0 if chosen.soak else SECONDS)
    if chosen.soak:
        work = prove_still(chosen.orders, seconds, chosen.seed)
    elif chosen.bugs or chosen.bug:
        bugs = [bug for bug in BUGS if chosen.bug in {None, bug.name}]
        work = prove_checker(chosen.seed, seconds, bugs)
    else:
        work = prove_seeds(chosen.seed, chosen.runs, seconds)
    return 0 if asyncio.run(work) else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main(arguments()))
