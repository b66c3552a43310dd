"""Whatever lies in the folder: it ends in the ledger, and ingest stays under a gibibyte."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rfm_common.db import Sessions
from rfm_common.settings import Settings
from tests.integration.ingest.dropping import ORDERS_HEADER, settled
from tests.running import start, stop

HEADER = ORDERS_HEADER.encode()
MOST = 1024
"""MiB of memory at the peak."""

Content = Callable[[], Iterator[bytes]]


def _wide(cells: int) -> bytes:
    return HEADER.strip() + b"".join(b",x%d" % n for n in range(cells)) + b"\n"


def _rows(form: bytes, count: int) -> Iterator[bytes]:
    yield HEADER
    for n in range(count):
        yield form % n


FILES: dict[str, tuple[Content, str | None]] = {
    "a header of a million columns": (
        lambda: iter([b",".join(b"c%d" % n for n in range(1_000_000)), b"\n", b"1," * 999_999]),
        "line_too_long",
    ),
    "the same below a title": (
        lambda: iter([b"Title\n", b",".join(b"c%d" % n for n in range(1_000_000)), b"\n"]),
        "unknown_columns",
    ),
    "a header without end": (lambda: iter([b"a" * 2**20] * 40), "line_too_long"),
    "titles of a hundred thousand cells": (
        lambda: iter([(b"t," * 100_000 + b"\n") * 29, HEADER, b"O1,C1,2024-01-10,5,EUR,paid\n"]),
        "too_many_columns",
    ),
    "rows that are too short for a wide header": (
        lambda: iter([_wide(9_000), b"x\n" * 100_000]), "too_many_rejects"
    ),
    "rows that are all too short": (lambda: iter([HEADER, b"x\n" * 300_000]), "too_many_rejects"),
    "the same with a quote": (
        lambda: iter([HEADER, b"x\n" * 100_000, b'"x"\n']), "too_many_rejects"
    ),
    "sixty megabytes in no encoding": (lambda: iter([b"\xe9" * 2**20] * 60), "line_too_long"),
    "long lines in Latin-1": (
        lambda: _rows(b"O%d,C1,2024-01-10,5,EUR," + b"\xe9" * 900_000 + b"\n", 60), None
    ),
    "UTF-8 with one line that is none": (
        lambda: iter([HEADER, b"O0,J\xe9,2024-01-10,5,EUR,paid\n",
                      *("O%d,Jos\xe9%d,2024-01-10,5,EUR,paid\n".replace("%d", str(n)).encode()
                        for n in range(200_000))]),
        None,
    ),
    "a long plain line beside one in Latin-1": (
        lambda: iter([HEADER, b"O1,J\xe9,2024-01-10,5,EUR,paid\nO2,", b"a" * 900_000, b"\n"]), None
    ),
    "a quote that never closes": (
        lambda: iter([HEADER, b'O1,"', b"abc,\n" * 2_000_000]), "line_too_long"
    ),
    "a word for each status": (lambda: _rows(b"O%d,C1,2024-01-10,5,EUR,w%%d\n", 200_000), None),
    "two hundred thousand bad rows": (
        lambda: _rows(b"O%d,C1,yesterday,5,EUR,paid\n", 200_000), "too_many_rejects"
    ),
    "wide rows": (
        lambda: iter([_wide(9_900), (b"O,C,2024-01-10,5,EUR,paid" + b"," * 9_900 + b"\n") * 1_000]),
        None,
    ),
    "only newlines": (lambda: iter([HEADER, b"\n" * 3_000_000]), "no_rows"),
    "zeros": (lambda: iter([bytes(2**20)] * 20), None),
}  # fmt: skip


@pytest.mark.timeout(900)
async def test_the_worst_files_one_after_the_other(settings: Settings, sessions: Sessions) -> None:
    process = await start("ingest", settings, RFM_SETTLE_SECONDS="0", RFM_MAX_REJECT_SHARE="0")
    try:
        for number, (name, (content, reason)) in enumerate(FILES.items(), 1):
            _drop(settings.input_dir, name, content())
            row = (await settled(sessions, number, 300))[-1]
            assert reason in (row.reason, None), f"{name}: {row.state}, {row.message}"
            assert (row.attempts, process.returncode) == (0, None), name
            assert _peak(process.pid) < MOST, name
    finally:
        assert await stop(process) == 0


def test_a_sparse_file_is_no_larger_than_it_says(tmp_path: Path) -> None:
    """The bound is about the size that a file tells, whatever it takes on the disk."""
    path = tmp_path / "sparse.csv"
    with path.open("wb") as file:
        file.truncate(20 * 2**30)
    assert path.stat().st_size > Settings(_env_file=None).max_file_bytes  # type: ignore[call-arg]


def _drop(folder: Path, name: str, content: Iterator[bytes]) -> None:
    partial = folder / f".{name}"
    with partial.open("wb") as sink:
        sink.writelines(content)
    partial.rename(folder / f"{name}.csv")


def _peak(pid: int) -> int:
    """MiB; counts from now on again."""
    status = Path(f"/proc/{pid}/status").read_text()
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) // 1024 if found else 0


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="reads a peak that only Linux tells"
)
