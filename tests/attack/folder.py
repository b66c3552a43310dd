"""What may lie in the watched folder: each ends, and an innocent file is loaded all the same."""

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.attack.table import Table
from tests.attack.target import HEADER, Target
from tests.books import xlsx, zipped
from tests.running import drop

MIB = 2**20
MOST = 1024
"""MiB of memory of each service, at the peak."""
ENDS = {"quarantined", "loaded", "loaded_with_rejects", "needs_decision", "duplicate"}


def innocent(number: int) -> str:
    """A good file of its own."""
    rows = (f"I{number}-{n},INNOCENT,2024-01-{n + 1:02},1.00,EUR,paid\n" for n in range(20))
    return HEADER + "".join(rows)


def _workbook_bomb() -> bytes:
    """A sheet that unpacks to a gibibyte of spaces."""
    sink = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx({"a": [["order_id"], ["1"]]}))) as good,
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for name in good.namelist():
            with bad.open(name, "w", force_zip64=True) as member:
                member.write(good.read(name))
                for _ in range(1024 if name.endswith("sheet1.xml") else 0):
                    member.write(b" " * MIB)
    return sink.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "columns.csv": lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n" + b"1," * 999,
    "header.csv": lambda: b"a" * 12 * MIB,
    "zeros.csv": lambda: bytes(8 * MIB),
    "quote.csv": lambda: HEADER.encode() + b'O1,"' + b"abc,\n" * 500_000,
    "bomb.csv.gz": lambda: gzip.compress(HEADER.encode() + bytes(512 * MIB)),
    "bomb.zip": lambda: zipped({"a.csv": HEADER.encode() + bytes(512 * MIB)}),
    "nested.zip": lambda: zipped({"a.zip": zipped({"b.zip": zipped({"c.csv": HEADER.encode()})})}),
    "traversal.zip": lambda: zipped({"../../../evil.csv": innocent(90).encode()}),
    "many.zip": lambda: zipped({f"{n}.csv": b"x" for n in range(5_000)}),
    "bomb.xlsx": _workbook_bomb,
    "deep.json": lambda: b"[" * 1_000_000,
    "deep.xml": lambda: b"<a>" * 300_000,
    "laughs.xml": lambda: (
        b'<!DOCTYPE a [<!ENTITY b0 "ha">'
        + b"".join(b'<!ENTITY b%d "%s">' % (n, b"&b%d;" % (n - 1) * 10) for n in range(1, 12))
        + b"]><a>&b11;</a>"
    ),
    "outside.xml": lambda: b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "empty.csv": lambda: b"",
    "utf16.csv": lambda: HEADER.encode("utf-16")[:-1],
}  # fmt: skip


async def attack(target: Target, table: Table) -> None:
    """Everything at once; then one good file after the other."""
    folder, pid = target.stack.input, target.stack.pid("ingest")
    names = target.random.sample(sorted(FILES), len(FILES))
    for name in names:
        drop(folder, name, FILES[name]())
    outcomes = [(name, await target.end_of(name)) for name in names]
    table.add("folder: bombs, a million columns, depth, entities", "an end in the ledger", outcomes,
              lambda _, state: state in ENDS)  # fmt: skip
    await _specials(target, table, folder)
    table.add("folder: ingest is the same process", "True",
              [("pid", target.stack.pid("ingest") == pid)], lambda _, same: bool(same))  # fmt: skip
    strays = list(target.stack.folder.rglob("evil.csv"))
    table.add("folder: what an archive puts elsewhere", "0 files", [("evil.csv", len(strays))],
              lambda _, count: count == 0)  # fmt: skip


async def _specials(target: Target, table: Table, folder: Path) -> None:
    """Things that are no plain files: none is followed, none is waited for."""
    secret = target.stack.folder / "secret.csv"
    secret.write_text(HEADER + "SECRET,SECRET-CUSTOMER,2024-01-01,1,EUR,paid\n")
    made: dict[str, Callable[[], object]] = {
        "a link": lambda: (folder / "link.csv").symlink_to(secret),
        "a link to a device": lambda: (folder / "zero.csv").symlink_to("/dev/zero"),
        "a link to itself": lambda: (folder / "loop.csv").symlink_to(folder / "loop.csv"),
        "a pipe": lambda: os.mkfifo(folder / "pipe.csv"),
        "a folder": (folder / "folder.csv").mkdir,
        "a name of bytes": lambda: _write(os.fsencode(folder) + b"/K\xfcnden\xff.csv"),
        "a name with lines": lambda: (folder / "a\nb\r.csv").write_text(innocent(80)),
        "20 GB of nothing": lambda: os.truncate(_empty(folder / "sparse.csv"), 20 * 2**30),
    }
    outcomes: list[tuple[str, object]] = []
    for number, (what, make) in enumerate(made.items()):
        make()
        outcomes.append((what, await target.loads(f"good-{number}.csv", innocent(number))))
    table.add("folder: links, pipes, names of bytes: the file beside them", "loaded", outcomes,
              lambda _, state: state == "loaded")  # fmt: skip
    rules = folder / "mapping.toml"
    told: list[tuple[str, object]] = []
    for number, (what, place) in enumerate({
        "a pipe": lambda: os.mkfifo(rules), "a device": lambda: rules.symlink_to("/dev/zero")
    }.items(), 90):  # fmt: skip
        place()
        told.append((what, await target.loads(f"good-{number}.csv", innocent(number))))
        rules.unlink()
    told.append(("none again", await target.loads("good-last.csv", innocent(99))))
    refused, loaded = {"quarantined"}, {"loaded"}
    table.add(
        "folder: rules that are no file", "refused, then loaded", told,
        lambda what, state: state in (loaded if what == "none again" else refused),
    )  # fmt: skip
    followed = await target.admin.get("/customers/SECRET-CUSTOMER")
    table.statuses("folder: what a link leads to", {404}, [("link.csv", followed.status_code)])


def _write(path: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(innocent(70).encode())


def _empty(path: Path) -> Path:
    path.touch()
    return path


async def memory(target: Target, table: Table) -> None:
    """At the end of everything."""
    for name in ("ingest", "scoring", "gateway"):
        table.add(
            f"memory: MiB of {name} at the peak", f"below {MOST}", [(name, target.peak(name))],
            lambda _, peak: isinstance(peak, int) and 0 < peak < MOST,
        )  # fmt: skip
