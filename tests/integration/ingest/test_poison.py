"""A file over which process after process ends: others do not wait for it, and it is given up."""

import asyncio
import os
from contextlib import suppress
from typing import Any

import pytest
from sqlmodel import select

from ingest.folder import Dropped, listing
from ingest.importer import Importer
from ingest.keeping import scrub
from ingest.keeping.erasing import Eraser
from ingest.keeping.undoing import Undoer
from ingest.loading import reread
from ingest.loading.ledger import ATTEMPTS
from ingest.service import Ingest
from rfm_common.corrections import ask_correction
from rfm_common.erasure import request_erasure
from rfm_common.filenames import SET_ASIDE
from rfm_common.models import Erasure, Import, ImportState, Undo
from rfm_common.undo import ask_undo
from tests.integration.ingest.dropping import CUSTOMERS_HEADER, ORDERS_HEADER, Shop, drop
from tests.traces import traces

ORDER = "O001,C001,2024-01-10,100.00,EUR,completed\n"


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing below may catch it."""


def _importer(shop: Shop) -> Importer:
    """That of another process."""
    return Importer(shop.settings, shop.sessions, shop.redis)


def _die(monkeypatch: pytest.MonkeyPatch, step: str, name: str) -> None:
    """Let every process end at this step of the file."""
    original = getattr(Importer, step)

    async def dying(self: Importer, row: Import, item: Dropped, *more: object) -> None:
        if item.name == name:
            raise Killed
        await original(self, row, item, *more)

    monkeypatch.setattr(Importer, step, dying)


async def _life(shop: Shop) -> None:
    """What a process does until it is killed, or has no work any more."""
    importer = _importer(shop)
    await importer.tidy()
    with suppress(Killed):
        for item in await importer.in_order(listing(shop.settings.input_dir)):
            await importer.bring_in(item)


@pytest.mark.parametrize("name", ["poison.csv", os.fsdecode(b"p\xff.csv")])
@pytest.mark.parametrize("step", ["_read", "_put_away"])
async def test_it_is_given_up_and_nobody_waits_for_it(
    step: str, name: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = drop(shop.settings, name, ORDERS_HEADER + ORDER)
    readable = Dropped(poison, poison.lstat()).name
    with monkeypatch.context() as patched:
        _die(patched, step, readable)
        await _life(shop)
        drop(shop.settings, "younger.csv", ORDERS_HEADER + ORDER.replace("O001", "O002"))
        await _life(shop)
        assert {row.file_name: row.state for row in await shop.ledger()}["younger.csv"] == "loaded"
        for _ in range(ATTEMPTS):
            await _life(shop)
    await _life(shop)
    poisoned = (await shop.ledger())[0]
    ends = {"_read": ("quarantined", "given_up"), "_put_away": ("loaded", None)}
    assert (poisoned.state, poisoned.reason) == ends[step]
    assert (poisoned.attempts >= ATTEMPTS, poisoned.claimed_by) == (True, None)
    assert listing(shop.settings.input_dir) == []


async def test_who_goes_on_counts_as_no_attempt(shop: Shop) -> None:
    """A failure that is caught, and a stop, are no deaths."""
    path = drop(shop.settings, "orders.csv", ORDERS_HEADER + ORDER)
    item = Dropped(path, path.lstat())
    for error in (OSError("away"), RuntimeError("a mistake"), asyncio.CancelledError()):
        importer = _importer(shop)

        async def fail(*_: object, error: BaseException = error) -> None:
            raise error

        importer._read = fail  # type: ignore[method-assign]
        with pytest.raises(type(error)):
            await importer.bring_in(item)
        [row] = await shop.ledger()
        assert (row.state, row.attempts, row.claimed_by) == (ImportState.READING, 0, None)
    await _life(shop)
    [row] = await shop.ledger()
    assert (row.state, row.attempts, row.claimed_by) == (ImportState.LOADED, 0, None)


async def test_another_file_of_the_name_starts_anew(shop: Shop) -> None:
    path = drop(shop.settings, "orders.csv", "broken")
    for _ in range(ATTEMPTS + 1):
        await _importer(shop)._claim(Dropped(path, path.lstat()))
    drop(shop.settings, "orders.csv", ORDERS_HEADER + ORDER)
    await _life(shop)
    assert [(row.state, row.attempts) for row in await shop.ledger()] == [("loaded", 0)]


async def test_a_service_takes_it_last(shop: Shop) -> None:
    """Not only the importer knows the order."""
    for name in ("a.csv", "b.csv", "c.csv"):
        drop(shop.settings, name, ORDERS_HEADER + ORDER.replace("O001", name))
    first = shop.settings.input_dir / "a.csv"
    await _importer(shop)._claim(Dropped(first, first.lstat()))
    service = Ingest(shop.settings, shop.sessions, shop.redis)
    await service._round(asyncio.Event())
    finished = sorted((row.finished_at, row.file_name) for row in await shop.ledger())
    assert [name for _, name in finished] == ["b.csv", "c.csv", "a.csv"]


POISON = "damaged\n"
NAMED = (
    f"{CUSTOMERS_HEADER}EVA-1,eva@example.com,DE,2023-01-15\nBOB,bob@example.com,FR,2023-01-16\n"
)


async def _kept(shop: Shop, *names: str) -> None:
    """Files in quarantine that name somebody, and one that is whole."""
    for name in names:
        await shop.load(name, f"{POISON}{name},EVA-1\n")
    await shop.load("customers.csv", NAMED)


def _poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every process end that searches such a file."""
    original = scrub.opened_source

    def deadly(file: Any, *arguments: Any) -> Any:
        if os.pread(file.fileno(), len(POISON), 0) == POISON.encode():
            raise Killed
        return original(file, *arguments)

    monkeypatch.setattr(scrub, "opened_source", deadly)


async def _erasures(shop: Shop, lives: int) -> None:
    for _ in range(lives):
        with suppress(Killed):
            await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()


@pytest.mark.parametrize("names", [["a.csv"], ["a.csv", "b.csv", "c.csv"]])
@pytest.mark.parametrize("is_set_aside", [False, True])
async def test_a_kept_file_that_ends_process_after_process_goes_as_a_whole(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, names: list[str], *, is_set_aside: bool
) -> None:
    await _kept(shop, *names)
    if is_set_aside:  # by a restore; no import knows of these
        aside = shop.settings.data_dir / f"{SET_ASIDE}1"
        aside.mkdir()
        shop.settings.quarantine_dir.rename(aside / "quarantine")
    async with shop.sessions() as session, session.begin():
        await request_erasure(session, shop.settings, "EVA-1", "cli")
    _poisoned(monkeypatch)
    await _erasures(shop, ATTEMPTS * len(names))
    async with shop.sessions() as session:
        assert [one.state for one in (await session.exec(select(Erasure))).all()] == ["requested"]
    await _erasures(shop, 1)
    async with shop.sessions() as session:
        [done] = (await session.exec(select(Erasure))).all()
    assert (done.state, done.reading, done.customer_id) == ("finished", {}, None)
    assert (done.removed["files_deleted"], done.removed["files_rewritten"]) == (len(names), 1)
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, "EVA-1") == []
    [whole] = shop.settings.archive_dir.iterdir()
    assert whole.read_text() == NAMED.replace("EVA-1,eva@example.com,DE,2023-01-15\n", "")


@pytest.mark.parametrize("error", [OSError("away"), asyncio.CancelledError()])
async def test_an_erasure_that_fails_or_is_stopped_counts_as_no_attempt(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    await _kept(shop, "a.csv")
    async with shop.sessions() as session, session.begin():
        await request_erasure(session, shop.settings, "EVA-1", "cli")

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(scrub, "addresses", fail)
        for _ in range(ATTEMPTS + 1):
            with pytest.raises(type(error)):
                await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    async with shop.sessions() as session:
        [open_] = (await session.exec(select(Erasure))).all()
    assert open_.reading == {}


async def _wishes(shop: Shop, lives: int) -> Import:
    for _ in range(lives):
        with suppress(Killed):
            await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()
    return (await shop.ledger())[-1]


@pytest.mark.parametrize("wish", ["undo", "correction"])
async def test_a_wish_that_ends_process_after_process_is_declined(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    """It goes before files that wait, and reads kept files, which may need more memory than is."""
    await shop.load("first.csv", ORDERS_HEADER + ORDER)
    row = await shop.load("last.csv", ORDERS_HEADER + ORDER.replace("100", "200"))
    before = await shop.tables()

    async def ask() -> None:
        async with shop.sessions() as session, session.begin():
            if wish == "undo":
                await ask_undo(session, row.import_id, "local", Undo.ASKED)
            else:
                meaning = {"status.completed": "pending"}
                await ask_correction(session, row.import_id, meaning, "local", remember=False)

    def deadly(*_: object) -> None:
        raise Killed

    await ask()
    with monkeypatch.context() as patched:
        patched.setattr(reread, "opened_source", deadly)
        asked = await _wishes(shop, ATTEMPTS)
        assert (asked.undo is not None, bool(asked.correction)) == (wish == "undo", wish != "undo")
        asked = await _wishes(shop, 1)
    assert (asked.undo, asked.correction, asked.claimed_by) == (None, {}, None)
    assert "5 processes" in (asked.message or "")
    assert await shop.tables() == before
    await ask()
    done = await _wishes(shop, 1)
    assert (done.claimed_by, done.attempts) == (None, 0)
    assert await shop.tables() != before
