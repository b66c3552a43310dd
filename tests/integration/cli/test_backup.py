"""Back up a shop, lose it, and have it again."""

import asyncio
import json
import os
import re
import stat
import tarfile
from pathlib import Path
from subprocess import run

import pytest
from click.testing import CliRunner, Result

from rfm_cli import psql
from rfm_cli.archive import BackupError, Contents
from rfm_cli.backup import back_up
from rfm_cli.database import InUseError, reach_alone
from rfm_cli.main import main
from rfm_cli.postgres import programs
from rfm_cli.restore import restore
from rfm_common.db import Sessions, run_sql
from rfm_common.erasure import erase_now
from rfm_common.settings import Settings
from scoring.runs.forecasts import forecast_next
from tests.integration.cli.saved_shop import FILES, dispose, files, fill, put, tables

OPERATION = Path(__file__).resolve().parents[3] / "docs/operation.md"


@pytest.fixture
async def shop(settings: Settings, sessions: Sessions) -> Settings:
    await fill(settings, sessions)
    return settings


@pytest.fixture
async def saved(shop: Settings, tmp_path: Path) -> Path:
    await asyncio.to_thread(back_up, shop, tmp_path / "shop.tar.gz")
    return tmp_path / "shop.tar.gz"


async def test_what_was_lost_comes_back(
    shop: Settings, sessions: Sessions, saved: Path, tmp_path: Path
) -> None:
    before = tables(shop)
    async with sessions() as session, session.begin():
        await run_sql(session, "TRUNCATE customers CASCADE")
        await run_sql(session, "DROP TABLE segment_stats")
    await dispose(sessions)
    other = shop.model_copy(update={"input_dir": tmp_path / "elsewhere/input"})

    contents = await restore(other, saved, replace=True)

    assert tables(shop) == before
    assert before["customer_values"].startswith("120|")
    assert not await forecast_next(shop, sessions)
    assert files(other) == FILES
    assert (contents.customers, contents.imports, contents.files) == (120, 3, 4)


async def test_a_backup_brings_back_who_was_erased_later(
    shop: Settings, sessions: Sessions, saved: Path
) -> None:
    await erase_now(sessions, shop, "C0001", "cli")
    await dispose(sessions)
    await restore(shop, saved, replace=True)
    assert "C0001" in psql.ask(shop, "SELECT customer_id FROM customers")
    assert psql.ask(shop, "SELECT count(*) FROM suppressions") == "0\n"


async def test_the_lake_is_to_be_written_anew(
    shop: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET in_lake = true")
        await run_sql(session, "INSERT INTO lake_removals VALUES ('O1', 1)")
    await dispose(sessions)
    await asyncio.to_thread(back_up, shop, tmp_path / "shop.tar.gz")
    await restore(shop, tmp_path / "shop.tar.gz", replace=True)
    left = (
        "SELECT (SELECT count(*) FROM imports WHERE in_lake), (SELECT count(*) FROM lake_removals)"
    )
    assert psql.ask(shop, left) == "0|0\n"


def commands_of_containers(settings: Settings, folder: Path) -> list[str]:
    """What the documentation runs in the container of the database, for a shell on this one."""
    told = re.findall(r"^docker compose exec -T postgres (.*)$", OPERATION.read_text(), re.M)
    name = settings.db_name
    return [
        re.sub(r"\brfm(_restored)?(?= |'|$)", rf"{name}\1", line.replace("-U rfm ", ""))
        .replace("rfm.dump", str(folder / "rfm.dump")).removesuffix(" &&")
        for line in told
    ]  # fmt: skip


async def test_the_commands_for_containers_restore_the_database(
    shop: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    before = tables(shop)
    place = psql._reaching(shop) | {"PATH": f"{programs(None)}:/usr/bin:/bin"}
    for number, command in enumerate(commands_of_containers(shop, tmp_path)):
        run(["sh", "-c", command], check=True, env=place)
        if number == 0:
            psql.ask(shop, "TRUNCATE customers CASCADE")
            psql.ask(shop, "DROP TABLE segment_stats")
            await dispose(sessions)
    assert number == 3
    assert tables(shop) == before


async def test_nothing_is_replaced_unasked_and_no_file_is_deleted(
    shop: Settings, saved: Path
) -> None:
    before = tables(shop)
    with pytest.raises(BackupError, match="the database is not empty: add --replace"):
        await restore(shop, saved, replace=False)
    put(shop, {"input/waiting.csv": "newer\n", "archive/9-later.csv": "later\n"})

    await restore(shop, saved, replace=True)

    here = files(shop)
    aside = {name.split("/", 1)[1]: here.pop(name) for name in [*here] if name[:9] == "replaced-"}
    assert (tables(shop), here) == (before, FILES)
    assert aside == FILES | {"input/waiting.csv": "newer\n", "archive/9-later.csv": "later\n"}


async def test_what_is_not_ours_beside_the_watched_folder_is_left_alone(
    shop: Settings, tmp_path: Path
) -> None:
    """The watched folder may be any folder, as `~/Dropbox`: a backup does not take the rest."""
    put(shop, {"letters/to-ada.txt": "dear Ada\n", "notes.md": "mine\n"})
    saved = tmp_path / "shop.tar.gz"
    contents = await asyncio.to_thread(back_up, shop, saved)
    assert contents.files == len(FILES)

    await restore(shop, saved, replace=True)
    here = files(shop)
    assert (here["letters/to-ada.txt"], here["notes.md"]) == ("dear Ada\n", "mine\n")


async def test_files_come_back_into_a_watched_folder_of_another_name(
    shop: Settings, saved: Path, tmp_path: Path
) -> None:
    other = shop.model_copy(update={"input_dir": tmp_path / "elsewhere/inbox"})
    await restore(other, saved, replace=True)
    assert files(other) == {name.replace("input/", "inbox/"): text for name, text in FILES.items()}


async def test_a_file_that_was_decided_during_the_backup_is_decided_again(
    shop: Settings, tmp_path: Path
) -> None:
    """The dump is older than the files: its ledger does not know the last ones."""
    put(shop, {"archive/7-orders.csv": "o\n", "quarantine/8-bad.csv": "b\n",
               "quarantine/8-bad.csv.rejects.csv": "r\n"})  # fmt: skip
    back_up(shop, tmp_path / "late.tar.gz")
    await restore(shop, tmp_path / "late.tar.gz", replace=True)
    here = {name: text for name, text in files(shop).items() if not name.startswith("replaced-")}
    assert here == FILES | {"input/orders.csv": "o\n", "input/bad.csv": "b\n"}


async def test_a_file_that_is_no_whole_backup_changes_nothing(shop: Settings, saved: Path) -> None:
    before = (tables(shop), files(shop))
    content = saved.read_bytes()
    broken = {
        "cut": content[: len(content) // 2],
        "other": b"customer_id,email\n",
        "empty": b"",
    }
    for name, content in broken.items():
        path = saved.with_name(name)
        path.write_bytes(content)
        with pytest.raises(BackupError, match=f"{name} is not a whole backup"):
            await restore(shop, path, replace=True)
    assert (tables(shop), files(shop)) == before


async def test_a_dump_that_was_changed_is_refused(
    shop: Settings, saved: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "opened"
    with tarfile.open(saved) as archive:
        archive.extractall(folder, filter="data")
    with (folder / "database.sql").open("a") as dump:
        dump.write("DROP TABLE customers;\n")
    with tarfile.open(tmp_path / "changed.tar.gz", "w:gz") as archive:
        for path in folder.iterdir():
            archive.add(path, path.name)
    with pytest.raises(BackupError, match="damaged"):
        await restore(shop, tmp_path / "changed.tar.gz", replace=True)


async def test_a_backup_that_fails_leaves_nothing(
    shop: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    wrong = shop.model_copy(update={"db_name": "nowhere"})
    with pytest.raises(Exception, match='database "nowhere" does not exist'):
        back_up(wrong, tmp_path / "sub" / "shop.tar.gz")
    assert list((tmp_path / "sub").iterdir()) == []


async def test_a_name_that_is_taken_is_not_overwritten(
    shop: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one that comes, or points elsewhere, while the backup is being written."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in ("link.tar.gz", ".link.tar.gz.part"):
        (tmp_path / name).symlink_to(precious)
    with pytest.raises(BackupError, match=r"link.tar.gz exists"):
        back_up(shop, tmp_path / "link.tar.gz")
    late = tmp_path / "late.tar.gz"
    monkeypatch.setattr(psql, "dump", lambda *_: late.write_text("mine"))
    with pytest.raises(BackupError, match=r"late.tar.gz exists"):
        back_up(shop, late)
    monkeypatch.undo()
    back_up(shop, tmp_path / "link.tar.gz", replace=True)

    assert precious.read_text() == "mine"
    assert late.read_text() == "mine"
    assert stat.S_IMODE((tmp_path / "link.tar.gz").lstat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".link.tar.gz.part", "data", "late.tar.gz", "link.tar.gz", "precious",
    ]  # fmt: skip


async def test_every_kind_of_name_and_file_is_packed_or_left(
    shop: Settings, tmp_path: Path
) -> None:
    """Links and pipes are no files of ours; a name need not be UTF-8."""
    strange = os.fsdecode(b"Kunden\xfcbersicht.csv")
    put(
        shop, {f"input/{strange}": "o\n", "input/'quoted' \n.csv": "q\n", "input/deep/a.csv": "d\n"}
    )
    (shop.input_dir / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(shop.input_dir / "pipe.csv")
    hard = shop.input_dir / "hard.csv"
    hard.hardlink_to(shop.input_dir / "waiting.csv")
    contents = back_up(shop, tmp_path / "strange.tar.gz")
    assert contents.files == len(FILES) + 4

    other = shop.model_copy(update={"input_dir": tmp_path / "elsewhere/input"})
    await restore(other, tmp_path / "strange.tar.gz", replace=True)
    assert files(other) == FILES | {
        f"input/{strange}": "o\n", "input/'quoted' \n.csv": "q\n", "input/deep/a.csv": "d\n",
        "input/hard.csv": FILES["input/waiting.csv"],
    }  # fmt: skip


async def test_a_restore_waits_for_nobody_who_uses_the_database(
    shop: Settings, sessions: Sessions
) -> None:
    named = "SET application_name = 'rfm-gateway'"
    async with sessions() as session:
        await run_sql(session, named)
        with pytest.raises(InUseError, match="rfm-gateway use the database: stop them first"), \
             reach_alone(shop):  # fmt: skip
            pass
        await session.invalidate()


def rfm(settings: Settings, *arguments: object) -> Result:
    environment = {
        "DB_HOST": settings.db_host, "DB_PORT": str(settings.db_port),
        "DB_NAME": settings.db_name, "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password.get_secret_value(),
        "DATA_DIR": str(settings.input_dir),
    }  # fmt: skip
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)


async def test_the_commands_say_what_they_did(shop: Settings, tmp_path: Path) -> None:
    target = tmp_path / "nightly" / "shop.tar.gz"
    written = await asyncio.to_thread(rfm, shop, "backup", target)
    assert "120 customers" in written.output
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    again = await asyncio.to_thread(rfm, shop, "backup", target)
    assert (again.exit_code, "exists: choose another name, or add --replace" in again.output) == (
        1, True,
    )  # fmt: skip
    assert (await asyncio.to_thread(rfm, shop, "backup", target, "--replace")).exit_code == 0

    refused = await asyncio.to_thread(rfm, shop, "restore", target)
    assert (refused.exit_code, "add --replace" in refused.output) == (1, True)
    restored = await asyncio.to_thread(rfm, shop, "restore", target, "--replace")
    assert (restored.exit_code, "restored 120 customers" in restored.output) == (0, True)
    with tarfile.open(target) as archive:
        assert archive.getnames()[-1] == "backup.json"
        listed = archive.extractfile("backup.json")
        assert listed is not None
        assert Contents(**json.load(listed)).orders > 0
