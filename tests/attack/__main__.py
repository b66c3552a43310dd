"""The command: every attempt against a product of its own, then the table."""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Collection

from tests.attack import (
    access,
    folder,
    injection,
    proven,
    requests,
    streams,
    uploads,
    webhooks,
)
from tests.attack.table import Table
from tests.attack.target import Target, under_attack

MOST_SECONDS = 900.0
"""For everything, on a busy machine; minutes otherwise."""
KINDS = {
    "injection": injection.attack,
    "uploads": uploads.attack,
    "folder": folder.attack,
    "requests": requests.attack,
    "streams": streams.attack,
    "webhooks": webhooks.attack,
    "access": access.attack,
    "memory": folder.memory,
    "proven": proven.attack,
}


async def attack(seed: int, only: Collection[str] = KINDS, without: Collection[str] = ()) -> Table:
    """Try each kind once."""
    table = Table()
    async with asyncio.timeout(MOST_SECONDS), under_attack(seed) as target:
        for name in (kind for kind in KINDS if kind in only and kind not in without):
            await _try(name, target, table)
    return table


async def _try(name: str, target: Target, table: Table) -> None:
    """One kind; what ends it is one attempt that broke, and the others go on."""
    started = time.monotonic()
    try:
        await KINDS[name](target, table)
    except Exception as error:
        table.add(f"{name}: to the end", "no error", [(name, repr(error))], lambda *_: False)
    print(f"  {name}: {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    """1 if anything broke."""
    parser = argparse.ArgumentParser(prog="attack", description="Attack a product of its own.")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--only", choices=KINDS, action="append", help="a kind")
    chosen = parser.parse_args()
    started = time.monotonic()
    print(f"seed {chosen.seed}", flush=True)
    table = asyncio.run(attack(chosen.seed, chosen.only or KINDS))
    table.show()
    tried = sum(row.seen.total() for row in table.rows)
    print(f"\n{tried} attempts of {len(table.rows)} kinds, {len(table.broke)} broke,"
          f" {time.monotonic() - started:.0f} s, seed {chosen.seed}")  # fmt: skip
    return 1 if table.broke else 0


if __name__ == "__main__":
    sys.exit(main())
