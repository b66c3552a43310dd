"""Restore a backup as far as the middle of its dump, say so, and wait to be killed."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rfm_cli import archive, restore
from rfm_common.settings import Settings


def half(dump: Path) -> Iterator[bytes]:
    lines = list(archive.dump_script(dump))
    yield from lines[: len(lines) // 2]
    sys.stdout.write("half of the dump is loaded\n")
    sys.stdout.flush()
    time.sleep(600)


restore.dump_script = half
asyncio.run(restore.restore(Settings(), Path(sys.argv[1]), replace=True))
