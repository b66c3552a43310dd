"""Uploads: names that collide or lead elsewhere, bodies that are none."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

from tests.attack.table import Table
from tests.attack.target import HEADER, Target

BOUNDARY = b"attack"
TYPE = {"Content-Type": "multipart/form-data; boundary=attack"}
CLIENTS, NAMES = 4, 25
ODD_NAMES = (
    b"../../../etc/cron.d/a.csv", rb"..\..\windows\a.csv", b"/etc/passwd.csv", b"C:\\a.csv",
    b".hidden.csv", b"a.part", b"a.csv.part", b"a\x00b.csv", b"a\rb.csv", b"a%0d%0ab.csv",
    b"\xff\xfe.csv", b"K\xfcnden.csv", ("長" * 200 + ".csv").encode(), b"x" * 3000 + b".csv",
    "\u202egpj.csv".encode(), b"CON.csv", b"-rf.csv", b".csv", b"", b"mapping.toml", b"a.csv/",
    b"<svg onload=alert(1)>.csv", b"=cmd|' /C calc'!A0.csv", b"a\"; filename=\"b.csv",
)  # fmt: skip


def part(name: bytes, content: bytes, *more: bytes) -> bytes:
    """One file of a body, with more headers."""
    head = b'Content-Disposition: form-data; name="file"; filename="' + name + b'"'
    lines = (b"--" + BOUNDARY, head, *more, b"", content, b"")
    return b"\r\n".join(lines)


def body(*parts: bytes) -> bytes:
    """All of it."""
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


async def attack(target: Target, table: Table) -> None:
    """With ingest held, so that what was accepted lies in the folder."""
    pid = target.stack.pid("ingest")
    assert pid, "ingest does not run"
    os.kill(pid, signal.SIGSTOP)
    try:
        await _collide(target, table)
        await _names(target, table)
        await _bodies(target, table)
    finally:
        for path in target.stack.input.iterdir():
            path.unlink()
        os.kill(pid, signal.SIGCONT)


async def _collide(target: Target, table: Table) -> None:
    """What was answered 202 lies in the folder, byte by byte."""
    sent: Counter[bytes] = Counter()

    async def client(number: int) -> None:
        for name in range(NAMES):
            content = HEADER.encode() + b"O%d-%d,C,2024-01-01,1,EUR,paid\n" % (number, name)
            answer = await target.admin.post(
                "/imports", content=body(part(b"same-%d.csv" % name, content)), headers=TYPE
            )
            sent[content] += answer.status_code == 202

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    there = Counter(path.read_bytes() for path in target.stack.input.glob("same-*"))
    outcomes = [(content.decode()[-30:], there[content]) for content in sent if sent[content]]
    table.add("uploads: the same names at the same time", "1 file each", outcomes,
              lambda _, count: count == 1)  # fmt: skip


async def _names(target: Target, table: Table) -> None:
    before = _everything(target.stack.folder)
    outcomes: list[tuple[str, object]] = []
    for name in ODD_NAMES:
        answer = await target.admin.post(
            "/imports", content=body(part(name, HEADER.encode())), headers=TYPE
        )
        outcomes.append((repr(name[:60]), answer.status_code))
    table.statuses("uploads: odd names", {202, 400}, outcomes)
    fresh = _everything(target.stack.folder) - before
    stray = [path for path in fresh if path.parent != target.stack.input]
    hidden = [path for path in fresh if path.name.startswith((".", "-")) or "\n" in path.name]
    table.add("uploads: files outside the folder, or hidden", "0",
              [(f"outside {stray}", len(stray)), (f"hidden {hidden}", len(hidden))],
              lambda _, count: count == 0)  # fmt: skip


def _everything(folder: Path) -> set[Path]:
    """The files below what a traversal might reach first, servers' own apart."""
    places = (folder, folder / "data", folder / "data/input", folder / "data/archive")
    return {path for place in places if place.is_dir() for path in place.iterdir()}


async def _bodies(target: Target, table: Table) -> None:
    good = part(b"a.csv", HEADER.encode())
    bodies = {
        "a header line of a megabyte": body(part(b"a.csv", b"x", b"X: " + b"x" * 2**20)),
        "ten thousand header lines": body(part(b"a.csv", b"x", *[b"X: y"] * 10_000)),
        "51 files": body(*[good] * 51),
        "no end": good,
        "nothing": b"",
        "no parts": body(),
        "another boundary": good.replace(BOUNDARY, b"other"),
        "a hundred thousand fields": body(
            *[b'--attack\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'] * 100_000
        ),
    }
    outcomes: list[tuple[str, object]] = []
    for name, content in bodies.items():
        answer = await target.admin.post("/imports", content=content, headers=TYPE)
        outcomes.append((name, answer.status_code))
    odd = ("multipart/form-data", "multipart/form-data; boundary=" + "b" * 5000, "text/csv")
    for kind in odd:
        answer = await target.admin.post("/imports", content=good, headers={"Content-Type": kind})
        outcomes.append((kind[:40], answer.status_code))
    table.statuses("uploads: bodies that are none", {202, 400, 413, 415}, outcomes)
    hidden = [path for path in target.stack.input.iterdir() if path.name.startswith(".")]
    table.add("uploads: parts that are left of them", "0", [("parts", len(hidden))],
              lambda _, count: count == 0)  # fmt: skip
