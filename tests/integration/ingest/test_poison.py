"""A file over which process after process ends: others do not wait for it, and it is given up."""

import asyncio
import os
from contextlib import suppress

import pytest

from ingest.folder import Dropped, listing
from ingest.importer import Importer
from ingest.loading.ledger import ATTEMPTS
from ingest.service import Ingest
from rfm_common.models import Import, ImportState
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop, drop

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
