"""The process that converts one file: bounded in memory and time, so that no file harms ingest.

The libraries that read workbooks take as much memory as a file asks for, and end the process when
there is none. Started by `apart`: the file is the standard input, the text goes to a descriptor,
and what became of it is one line of JSON.
"""

import json
import os
import resource
import sys
from importlib import import_module
from typing import Any, BinaryIO, cast

from ingest.reading.containers.cells import Writer
from ingest.reading.containers.kinds import Format
from ingest.refusal import RefusedError

MEMORY = 2**30
"""Bytes."""
SECONDS = 900
"""Of computing time."""
CONVERTERS = {
    Format.WORKBOOK: ("workbooks", "convert"),
    Format.MARKUP: ("markup", "convert"),
    Format.JSON: ("records", "convert_json"),
    Format.PARQUET: ("records", "convert_parquet"),
}


def main(form: str, descriptor: str, most: str) -> None:
    """Convert the standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(int(descriptor), "wb", closefd=False) as sink:
        answer = _converted(Format(form), Writer(sink, int(most)))
    sys.stdout.write(json.dumps(answer))


def _converted(form: Format, writer: Writer) -> dict[str, Any]:
    module, name = CONVERTERS[form]
    try:
        convert = getattr(import_module(f"ingest.reading.containers.{module}"), name)
        convert(cast("BinaryIO", sys.stdin.buffer), writer)
    except RefusedError as refusal:
        return {"refused": [refusal.reason, refusal.message]}
    return {"parts": writer.described()}


if __name__ == "__main__":
    main(*sys.argv[1:])
