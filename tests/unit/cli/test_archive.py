"""A backup is checked whole before anything is touched; what is wrong with it has a sentence."""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rfm_cli.archive import BackupError, dump_script, unpack

KNOWN = frozenset({"0001", "0002"})
DUMP = r"""--
\restrict aB3

SET standard_conforming_strings = on;
CREATE TABLE public.customers (customer_id text, email text);
COPY public.alembic_version (version_num) FROM stdin;
0002
\.

COPY public.customers (customer_id, email) FROM stdin;
C1	\N
\\! id	a\\b
\.

\unrestrict aB3
"""
FILES = {"input/new.csv": "n\n", "archive/1-a.csv": "a\n", "erasure.key": "k"}

Change = Callable[[Path, dict[str, Any]], object]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Makes a backup; `change` gets the folder and the list before they are packed.

    `recompute` is what whoever tampers with a file does.
    """

    def make(change: Change = lambda *_: None, *, recompute: bool = False) -> Path:
        folder = tmp_path / "made"
        write(folder / "database.sql", DUMP)
        for name, text in FILES.items():
            write(folder / "data" / name, text)
        hashes = {name: digest(folder / "data" / name) for name in FILES}
        listed: dict[str, Any] = {
            "version": "1.2.3", "schema": "0002", "created_at": "2026-01-01T00:00:00+00:00",
            "customers": 2, "orders": 0, "imports": 1, "files": 3,
            "sha256": digest(folder / "database.sql"), "listed": hashes,
        }  # fmt: skip
        change(folder, listed)
        if recompute:
            listed["sha256"] = digest(folder / "database.sql")
        write(folder / "backup.json", json.dumps(listed))
        with tarfile.open(tmp_path / "shop.tar.gz", "w:gz") as archive:
            for path in sorted(folder.rglob("*")):
                archive.add(path, path.relative_to(folder), recursive=False)
        return tmp_path / "shop.tar.gz"

    return make


def opened(source: Path, tmp_path: Path, *, unlisted: bool = False) -> Path:
    stage = tmp_path / "stage"
    stage.mkdir()
    unpack(source, stage, KNOWN, unlisted=unlisted)
    return stage


def test_a_whole_backup_is_unpacked(pack: Callable[..., Path], tmp_path: Path) -> None:
    stage = opened(pack(), tmp_path)
    assert {name: (stage / "data" / name).read_text() for name in FILES} == FILES


def test_psql_gets_the_dump_without_the_restriction_of_pg_dump(
    pack: Callable[..., Path], tmp_path: Path
) -> None:
    """The caller sets its own, whose key the dump does not know."""
    script = b"".join(dump_script(opened(pack(), tmp_path) / "database.sql")).decode()
    assert "restrict" not in script
    assert script.split() == [word for word in DUMP.split() if "restrict" not in word
                              and word != "aB3"]  # fmt: skip


def edit(text: str) -> Change:
    return lambda folder, _: write(folder / "database.sql", text)


@pytest.mark.parametrize(
    "command",
    [
        r"\! id > pwned",
        r"\copy (SELECT 1) TO PROGRAM 'id'",
        r"\i /etc/passwd",
        r"\restrict x y",
        r"\o |sh",
    ],
)
@pytest.mark.parametrize("place", ["begin", "middle", "end"])
def test_a_dump_with_backslash_commands_is_refused(
    pack: Callable[..., Path], tmp_path: Path, command: str, place: str
) -> None:
    lines = DUMP.splitlines()
    lines.insert({"begin": 0, "middle": 8, "end": len(lines)}[place], command)
    changed = pack(edit("\n".join(lines) + "\n"), recompute=True)
    with pytest.raises(BackupError, match=r"line \d+ of its dump is a backslash command"):
        opened(changed, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder, _: (folder / "data/archive/1-a.csv").unlink(), "lacks 'archive/1-a.csv'"),
        (lambda folder, _: write(folder / "data/archive/1-a.csv", "b\n"),
         "holds 'archive/1-a.csv' altered"),
        (lambda folder, _: write(folder / "data/erasure.key", "other"),
         "holds 'erasure.key' altered"),
        (lambda folder, _: write(folder / "data/held/9-x.csv", "x"),
         "holds 'held/9-x.csv', which it does not list"),
        (lambda folder, _: write(folder / "data/notes.txt", "x"), "belongs to no backup"),
        (lambda folder, _: write(folder / "data/elsewhere/x.csv", "x"), "belongs to no backup"),
        (lambda folder, _: write(folder / "evil.sh", "x"), "belongs to no backup"),
        (lambda folder, _: (folder / "data/input/link.csv").symlink_to("/etc/passwd"),
         "'data/input/link.csv', which is no file"),
        (lambda folder, _: os.mkfifo(folder / "data/input/pipe"), "which is no file"),
        (lambda folder, _: write(folder / "database.sql", DUMP + "DROP TABLE x;\n"),
         "the dump is not the one that was written"),
        (lambda folder, _: (folder / "database.sql").unlink(), "not a whole backup"),
        (lambda _, listed: listed.pop("sha256"), "not a whole backup"),
        (lambda _, listed: listed.update(files=4), "3 files instead of 4"),
        (lambda _, listed: listed.update(schema="9999_future"),
         "version 1.2.3 with the schema 9999_future, which version .* does not know"),
        (lambda _, listed: listed.update(pages=7), "written by version 1.2.3"),
        (lambda _, listed: listed.update(schema="0001"),
         "its dump has the schema 0002, its list says 0001"),
    ],
)  # fmt: skip
def test_what_is_missing_altered_added_or_newer_is_refused(
    pack: Callable[..., Path], tmp_path: Path, change: Change, words: str
) -> None:
    with pytest.raises(BackupError, match=words):
        opened(pack(change), tmp_path)


def test_a_dump_of_a_newer_schema_than_its_list_says_is_refused(
    pack: Callable[..., Path], tmp_path: Path
) -> None:
    changed = pack(edit(DUMP.replace("\n0002\n", "\n9999_future\n")), recompute=True)
    with pytest.raises(BackupError, match="its dump has the schema 9999_future"):
        opened(changed, tmp_path)


def test_a_dump_of_something_else_is_refused(pack: Callable[..., Path], tmp_path: Path) -> None:
    changed = pack(edit("CREATE TABLE public.birds ();\n"), recompute=True)
    with pytest.raises(BackupError, match="its dump has the schema none"):
        opened(changed, tmp_path)


def test_a_name_that_comes_twice_is_refused(pack: Callable[..., Path], tmp_path: Path) -> None:
    source = pack()
    plain = tmp_path / "twice.tar.gz"
    with tarfile.open(source) as old, tarfile.open(plain, "w:gz") as new:
        for member in [*old.getmembers(), old.getmember("database.sql")]:
            new.addfile(member, old.extractfile(member))
    with pytest.raises(BackupError, match=r"'database.sql' twice"):
        opened(plain, tmp_path)


def without_list(folder: Path, listed: dict[str, Any]) -> None:
    listed.pop("listed")


def test_a_backup_from_before_the_list_says_how_to_go_on(
    pack: Callable[..., Path], tmp_path: Path
) -> None:
    source = pack(without_list)
    with pytest.raises(BackupError, match=r"did not list the files.*Add --unlisted"):
        opened(source, tmp_path)
    (tmp_path / "stage").rename(tmp_path / "first")
    assert (opened(source, tmp_path, unlisted=True) / "data/input/new.csv").exists()


def test_what_can_be_told_of_one_without_a_list_is_told(
    pack: Callable[..., Path], tmp_path: Path
) -> None:
    def fewer(folder: Path, listed: dict[str, Any]) -> None:
        without_list(folder, listed)
        (folder / "data/archive/1-a.csv").unlink()

    with pytest.raises(BackupError, match="2 files instead of 3"):
        opened(pack(fewer), tmp_path, unlisted=True)


@pytest.mark.parametrize("name", ["../outside.csv", "/abs.csv", "data/input/../../../x.csv"])
def test_nothing_is_unpacked_outside(tmp_path: Path, name: str) -> None:
    source = tmp_path / "evil.tar.gz"
    (tmp_path / "x").write_text("x")
    with tarfile.open(source, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(BackupError):
        opened(source, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar.gz", "stage", "x"]
