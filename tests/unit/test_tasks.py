"""Work beside a block ends with it, whatever a library makes of a cancellation."""

import asyncio
from typing import NoReturn

import pytest

from rfm_common.tasks import alongside, end, together


@pytest.fixture(autouse=True)
def soon(monkeypatch) -> None:
    """No test waits as long as a clean end may take."""
    monkeypatch.setitem(end.__kwdefaults__, "again", 0.02)


async def test_it_ends_with_the_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async with alongside(work()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_what_the_work_raised_is_raised_at_the_end() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async with alongside(work()):
            await asyncio.sleep(0.01)


async def deaf() -> NoReturn:
    """As redis, which now and then does not hear it."""
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)


async def test_a_cancellation_that_gets_lost_is_said_again() -> None:
    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()


async def test_works_end_together_when_they_are_told_to() -> None:
    before = asyncio.all_tasks()
    task = asyncio.create_task(together(deaf(), deaf()))
    await asyncio.sleep(0.01)
    assert len(asyncio.all_tasks() - before) == 3
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert asyncio.all_tasks() == before


async def test_works_end_together_when_one_fails() -> None:
    async def work() -> None:
        raise ValueError("broken")

    before = asyncio.all_tasks()
    with pytest.raises(ValueError, match="broken"):
        await together(deaf(), work())
    assert asyncio.all_tasks() == before


async def test_works_end_together_with_what_the_first_of_them_found() -> None:
    async def work() -> str:
        return "found"

    assert await together(deaf(), work()) == "found"
    assert await together(work(), work()) == "found"
