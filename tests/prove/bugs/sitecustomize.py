"""Python loads this at start when its folder is on the path: it plants the bug asked for, and what
makes reading a file of poison deadly."""

import os
import select
import sys
import time


def _sleep(seconds: float) -> None:
    """As time.sleep, which under libfaketime fails: it takes a monotonic moment for a false one."""
    select.select((), (), (), seconds)


if "FAKETIME_TIMESTAMP_FILE" in os.environ:
    time.sleep = _sleep

if sys.orig_argv[-2:] == ["-m", "ingest"]:
    from poison import make_deadly

    make_deadly()

if (name := os.environ.get("PROVE_BUG")) and "-m" in sys.orig_argv:
    from seeded import plant

    plant(name, sys.orig_argv[sys.orig_argv.index("-m") + 1])
