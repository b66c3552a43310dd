"""Reads that are one statement: prepared once per connection, without a transaction around it.

A session costs a handful of round trips before its first query; the calls that are asked most
make do with one.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import people
from rfm_common.errors import InvalidInputError, UnavailableError
from rfm_common.faults import is_locked_out, is_passing, is_unfit

T = TypeVar("T")

AWAY = "the database is away; try again in a few seconds"
BUSY = "something in the database is locked; try again in a few seconds"
UNFIT = "a value cannot be stored or compared; is there a NUL byte in it?"


class Recent:
    """The last few values that were made, by key; for what never changes under its key."""

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self._kept: OrderedDict[object, Any] = OrderedDict()

    def get(self, key: object) -> Any | None:
        """The value, None when it is not kept (any more)."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: object, value: T) -> T:
        """Remember the value and return it; the one that was not used for longest goes."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self.size:
            self._kept.popitem(last=False)
        return value


async def kept(session: AsyncSession, key: object, read: Callable[[], Awaitable[T]]) -> T:
    """What `read` finds, from memory the next time; for what a run measured once and for all.

    What is empty is not kept, for it may come yet. Readers share it: leave it as it is.
    """
    recent: Recent | None = session.info.get("recent")
    if recent is None:
        return await read()
    if (known := recent.get(key)) is not None:
        return cast("T", known)
    found = await read()
    return recent.keep(key, found) if found else found


class Quick:
    """Single statements with `$1`, `$2` ... for values, and what they found out for good."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.recent = Recent()

    async def one(self, into: type[T], statement: str, *values: object) -> T | None:
        """The first row as an `into`, whose fields are the selected columns; None without rows."""
        row = await self._run("fetchrow", statement, values)
        return None if row is None else msgspec.convert(dict(row), into)

    async def many(self, into: type[T], statement: str, *values: object) -> list[T]:
        """All rows, each as an `into`."""
        rows = await self._run("fetch", statement, values)
        people.note(into, len(rows))
        return msgspec.convert([dict(row) for row in rows], list[into])  # type: ignore[valid-type]

    async def _run(self, method: str, statement: str, values: tuple[object, ...]) -> Any:
        most = self._pool.get_max_size()  # as many may be lost when the server restarts
        for lost in range(most + 1):
            try:
                return await getattr(self._pool, method)(statement, *values)
            except Exception as error:
                if is_unfit(error):
                    raise InvalidInputError(UNFIT) from error
                if is_locked_out(error):
                    raise UnavailableError(BUSY) from error
                if not is_passing(error):
                    raise
                if lost == most:
                    raise UnavailableError(AWAY) from error
        raise AssertionError("the loop returns or raises")
