"""A restore that fails leaves database and files as they were."""

import asyncio
import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.command import downgrade
from alembic.util import CommandError

from rfm_cli import restore as restoring
from rfm_cli.archive import BackupError
from rfm_cli.backup import back_up
from rfm_cli.psql import DatabaseError, ask, run_script
from rfm_cli.restore import restore
from rfm_common.db import Sessions
from rfm_common.schema import alembic_config
from rfm_common.settings import Settings
from tests.integration.cli.saved_shop import files, fill, tables


@pytest.fixture
async def saved(settings: Settings, sessions: Sessions, tmp_path: Path) -> Path:
    await fill(settings, sessions)
    back_up(settings, tmp_path / "shop.tar.gz")
    return tmp_path / "shop.tar.gz"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program of a dump would write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_dump(saved: Path, change: Callable[[str], str]) -> Path:
    """The backup with another dump and the hash of that, as from somebody who knows how."""
    folder = saved.with_name("opened")
    with tarfile.open(saved) as archive:
        archive.extractall(folder, filter="data")
    dump, listed = folder / "database.sql", json.loads((folder / "backup.json").read_text())
    dump.write_text(change(dump.read_text()))
    listed["sha256"] = hashlib.sha256(dump.read_bytes()).hexdigest()
    (folder / "backup.json").write_text(json.dumps(listed))
    changed = saved.with_name("changed.tar.gz")
    with tarfile.open(changed, "w:gz") as archive:
        for path in folder.iterdir():
            archive.add(path, path.name)
    return changed


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("SELECT 1; \\! touch pwned\n", "restricted"),
        ("SELECT 'a\n\\g |touch pwned\n", "backslash command"),
        ("SELECT 1 \\gexec\n", "restricted"),
        ("SELECT no_such_column FROM public.customers;\n", "no_such_column"),
        ("COMMIT; DROP TABLE public.orders CASCADE; SELECT no_such_column;\n", "no_such_column"),
        ("COPY public.customers (customer_id) FROM stdin;\nhalf", "middle of a table"),
        ("SELECT 'no end\n", "unterminated"),
        ("ROLLBACK;\n", "does not commit as a whole"),
    ],
)
async def test_a_dump_that_cannot_be_loaded_changes_nothing(
    settings: Settings, saved: Path, elsewhere: Path, ending: str, words: str
) -> None:
    changed = with_dump(saved, lambda text: text + ending)
    before = tables(settings), files(settings)
    with pytest.raises((DatabaseError, BackupError), match=words):
        await restore(settings, changed, replace=True)
    assert (tables(settings), files(settings)) == before
    assert not list(elsewhere.glob("pwned"))


async def test_an_upgrade_that_fails_changes_nothing(
    settings: Settings, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_settings: Settings) -> None:
        raise CommandError("no way from here")

    monkeypatch.setattr(restoring, "upgrade", broken)
    before = tables(settings), files(settings)
    with pytest.raises(BackupError, match=r"no way from here\. Everything is as it was"):
        await restore(settings, saved, replace=True)
    assert (tables(settings), files(settings)) == before


async def test_a_backup_of_an_older_schema_is_upgraded(
    settings: Settings, saved: Path, tmp_path: Path
) -> None:
    version = "SELECT version_num FROM alembic_version"
    newest, older = ask(settings, version), tmp_path / "older.tar.gz"
    await asyncio.to_thread(downgrade, alembic_config(settings), "0001")
    assert back_up(settings, older).schema == "0001"
    await restore(settings, older, replace=True)
    assert ask(settings, "SELECT count(*) FROM customers") == "120\n"
    assert ask(settings, version) == newest != "0001\n"


def test_a_script_that_ends_early_has_done_nothing(settings: Settings) -> None:
    run_script(settings, [b"BEGIN; CREATE TABLE half (a int);\n"])
    assert ask(settings, "SELECT count(*) FROM pg_class WHERE relname = 'half'") == "0\n"


async def test_what_was_restored_can_be_backed_up_and_restored(
    settings: Settings, saved: Path
) -> None:
    before = tables(settings)
    await restore(settings, saved, replace=True)
    back_up(settings, saved.with_name("second.tar.gz"))
    await restore(settings, saved.with_name("second.tar.gz"), replace=True)
    assert tables(settings) == before
