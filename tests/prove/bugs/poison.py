"""A file that gets whoever reads it killed, as one does that needs more memory than there is."""

import os
import signal
from typing import Any

POISON = b"poison\n"
"""The first line of such a file."""


def make_deadly() -> None:
    """Be killed where the content of such a file begins to be read."""
    from ingest import importer
    from ingest.keeping import scrub

    for module in (importer, scrub):
        module.opened_source = deadly(module.opened_source)  # type: ignore[attr-defined]


def deadly(original: Any) -> Any:
    def opened_source(file: Any, *arguments: Any, **more: Any) -> Any:
        if os.pread(file.fileno(), len(POISON), 0) == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(file, *arguments, **more)

    return opened_source
