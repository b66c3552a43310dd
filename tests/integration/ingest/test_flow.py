"""A CSV dropped into the watched folder is in the tables, in the ledger and on the stream."""

import asyncio
import os
import socket

import pytest
from redis.asyncio import Redis

from ingest.folder import Dropped
from ingest.refusal import ChangedError
from rfm_common import bus
from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql
from rfm_common.models import ImportState
from rfm_common.settings import Settings
from tests.integration.ingest.dropping import (
    CUSTOMERS_HEADER,
    ORDERS_HEADER,
    Shop,
    drop,
    running,
    settled,
)
from tests.running import eventually

ORDER = "O001,C001,2024-01-10,100.00,EUR,completed\n"


async def test_dropped_files_reach_tables_ledger_and_stream(
    shop: Shop, settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    drop(settings, "orders.csv", ORDERS_HEADER + ORDER)
    async with running(settings, sessions, redis):
        await settled(sessions, 1)
        drop(settings, "customers.csv", CUSTOMERS_HEADER + "C001,customer1@example.com,US,\n")
        [orders, customers] = await settled(sessions, 2)
    assert (orders.rows_new, customers.rows_updated, customers.data_version) == (1, 1, 2)
    assert orders.stored_path == f"archive/{orders.import_id}-orders.csv"
    tables = await shop.tables()
    assert tables["customers"][0][:2] == ("C001", "customer1@example.com")
    events = [event.type for _, event in await bus.read(redis, "0-0")]
    assert events == ["import.started", "import.finished"] * 2


async def test_a_file_that_a_process_still_writes_is_not_read(
    settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    quick = settings.model_copy(update={"settle_seconds": 0.05, "rescan_seconds": 0.1})
    async with running(quick, sessions, redis):
        with (settings.input_dir / "orders.csv").open("w") as writer:
            writer.write(ORDERS_HEADER)
            writer.flush()
            await asyncio.sleep(0.6)  # longer than it takes to settle
            writer.write(ORDER)
        [row] = await settled(sessions, 1)
    assert (row.state, row.rows_new) == ("loaded", 1)


@pytest.mark.parametrize("name", [".orders.csv", "orders.csv.part", "orders.csv.tmp", "o.csv~"])
async def test_unfinished_names_are_left_alone(
    name: str, settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    path = settings.input_dir / name
    path.write_text(ORDERS_HEADER + ORDER)
    drop(settings, "other.csv", ORDERS_HEADER + ORDER)
    async with running(settings, sessions, redis):
        [row] = await settled(sessions, 1)
    assert row.file_name == "other.csv"
    assert path.exists()


def _symlink(settings: Settings) -> str:
    outside = settings.data_dir / "outside.csv"
    outside.write_text(ORDERS_HEADER + ORDER)
    (settings.input_dir / "x.csv").symlink_to(outside)
    return "symbolic_link"


def _hard_link(settings: Settings) -> str:
    outside = settings.data_dir / "outside.csv"
    outside.write_text(ORDERS_HEADER + ORDER)
    (settings.input_dir / "x.csv").hardlink_to(outside)
    return "hard_link"


def _pipe(settings: Settings) -> str:
    os.mkfifo(settings.input_dir / "x.csv")
    return "special_file"


def _socket(settings: Settings) -> str:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("input/x.csv")  # from the data folder: an address is short
    return "special_file"


def _dangling_link(settings: Settings) -> str:
    (settings.input_dir / "x.csv").symlink_to("nowhere.csv")
    return "symbolic_link"


def _pipe_as_mapping(settings: Settings) -> str:
    os.mkfifo(settings.data_dir / "mapping.toml")
    drop(settings, "x.csv", ORDERS_HEADER + ORDER)
    (settings.data_dir / "mapping.toml").rename(settings.input_dir / "mapping.toml")
    return "bad_mapping"


def _workbook(settings: Settings) -> str:
    (settings.input_dir / "x.csv").write_bytes(b"PK\x03\x04 and so on")
    return "damaged"


@pytest.mark.parametrize(
    "make",
    [_symlink, _hard_link, _pipe, _socket, _dangling_link, _pipe_as_mapping, _workbook],
)
async def test_what_is_no_file_of_its_own_is_refused_and_put_away(
    make, settings: Settings, sessions: Sessions, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.data_dir)
    reason = make(settings)
    async with running(settings, sessions, redis):
        [row] = await settled(sessions, 1)
    assert (row.state, row.reason) == (ImportState.QUARANTINED, reason)
    assert os.path.lexists(settings.data_dir / str(row.stored_path))
    assert {path.name for path in settings.input_dir.iterdir()} <= {"mapping.toml"}


async def test_a_name_that_is_not_utf_8_is_loaded_beside_others(
    shop: Shop, settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    path = drop(settings, os.fsdecode(b"Kunden\xfc.csv"), ORDERS_HEADER + ORDER)
    claimed = await shop.importer._claim(Dropped(path, path.lstat()))
    async with running(settings, sessions, redis):  # what a kill left is gone on with
        drop(settings, "innocent.csv", ORDERS_HEADER + ORDER.replace("O001", "O002"))
        rows = await settled(sessions, 2)
    assert [(row.import_id, row.file_name, row.state) for row in rows] == [
        (claimed.import_id, "Kunden\ufffd.csv", "loaded"),
        (2, "innocent.csv", "loaded"),
    ]


async def test_a_folder_that_is_removed_and_made_again_is_watched_again(
    settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    quick = settings.model_copy(update={"rescan_seconds": 0.2})
    async with running(quick, sessions, redis):
        drop(settings, "a.csv", ORDERS_HEADER + ORDER)
        await settled(sessions, 1)
        settings.input_dir.rmdir()
        await asyncio.sleep(0.5)
        drop(settings, "b.csv", ORDERS_HEADER + ORDER + "\n")
        await settled(sessions, 2)


async def test_a_file_removed_while_it_was_read_ends_as_vanished(
    shop: Shop, settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    path = drop(settings, "a.csv", ORDERS_HEADER + ORDER)
    await shop.importer._claim(Dropped(path, path.lstat()))
    path.unlink()
    async with running(settings, sessions, redis):
        [row] = await settled(sessions, 1)
    assert (row.state, row.reason, row.stored_path) == ("quarantined", "vanished", None)


async def test_a_file_removed_while_it_was_loaded_is_not_loaded(shop: Shop) -> None:
    """Demo data is taken out while some of it is still being read: that must not come later."""
    path = drop(shop.settings, "rfm-demo-orders.csv", ORDERS_HEADER + ORDER)
    async with shop.sessions() as session, session.begin():
        await lock(session, AdvisoryLock.LOAD)
        loading = asyncio.create_task(shop.importer.bring_in(Dropped(path, path.lstat())))
        await eventually(lambda: _waits_for_lock(shop), 20, "the load waits")
        path.unlink()
    with pytest.raises(ChangedError):
        await loading
    assert (await shop.tables())["orders"] == []
    await shop.importer.tidy()
    assert [(row.state, row.reason) for row in await shop.ledger()] == [
        (ImportState.QUARANTINED, "vanished")
    ]


async def _waits_for_lock(shop: Shop) -> bool:
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
                              " AND NOT granted")  # fmt: skip
        return found.first() is not None
