"""Converting a file in a process of its own, whose end for want of memory is an answer."""

import json
import os
import subprocess
import sys
from typing import BinaryIO

from ingest.reading.containers.cells import Part
from ingest.reading.containers.convert import MEMORY
from ingest.reading.containers.kinds import Format
from ingest.refusal import RefusedError

TOO_MUCH = (
    f"reading it takes more than {MEMORY // 2**20} MiB of memory or too long;"
    " save the table as CSV, or cut it into several files"
)


def convert(file: BinaryIO, form: Format, sink: BinaryIO, most: int) -> list[Part]:
    """Write the tables of a file as CSV into `sink` and say where each is.

    Raises RefusedError for what cannot be converted, or not within the bounds.
    """
    file.seek(0)
    command = [sys.executable, "-P", "-m", "ingest.reading.containers.convert",
               form, str(sink.fileno()), str(most)]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - nothing of the file is in the command
        command, check=False, stdin=file, capture_output=True, pass_fds=(sink.fileno(),),
        env=os.environ | {"POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"},
    )  # fmt: skip
    _check(done)
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise RefusedError(*answer["refused"])
    return [Part(**part) for part in answer["parts"]]


def _check(done: "subprocess.CompletedProcess[bytes]") -> None:
    """Raise what the end of the process means."""
    last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if done.returncode < 0 or "MemoryError" in last:
        raise RefusedError("too_much_memory", TOO_MUCH)
    if "PanicException" in last:
        raise RefusedError(
            "damaged", f"the file is damaged ({last.partition(': ')[2]}); save it again"
        )
    if done.returncode:
        raise RuntimeError(last)
