"""Back up what is there, restore it, and be killed at a step: restoring.py KIND SHARE.

KIND is `any` step of the first ones, or one of the `moves` of files, when at least half of them
are not where they belong. SHARE, from 0 to 1, chooses among these.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from rfm_cli.archive import kept_files
from rfm_cli.backup import back_up
from rfm_cli.restore import restore
from rfm_common.settings import Settings

STEPS = {"subprocess.Popen", "os.link", "os.remove", "os.rename", "shutil.rmtree"}
FIRST = 30
"""So many steps are reached in every restore."""


def chosen(settings: Settings, kind: str, share: float) -> tuple[set[str], int]:
    """What counts as a step, and at which of them to be killed."""
    if kind == "any":
        return STEPS, 1 + int(share * FIRST)
    files = sum(1 for _ in kept_files(settings))  # each steps aside, and each takes its place
    return {"os.link"}, max(2, files // 2 + 1 + int(share * files))


def count(name: str, _arguments: tuple[Any, ...]) -> None:
    """kill -9 at the chosen one of the steps that a restore takes on servers and files."""
    global left  # noqa: PLW0603 - there is one restore in this process
    if name in steps:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


settings, backup = Settings(), Path("restored.tar.gz")
back_up(settings, backup, replace=True)
steps, left = chosen(settings, sys.argv[1], float(sys.argv[2]))
sys.addaudithook(count)
asyncio.run(restore(settings, backup, replace=True))
