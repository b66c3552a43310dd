"""Running SQL and turning its rows into structs; the SQL that several queries share."""

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import people
from rfm_common.db import run_sql

T = TypeVar("T")
LAST_ROW = 2**31 - 1
"""The highest number of a row that is asked for; what is beyond it does not exist."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a long list are wanted; `number` counts from 1."""

    number: int = 1
    size: int = 100

    @property
    def skip(self) -> int:
        """Rows before it."""
        return (self.number - 1) * self.size

    @property
    def window(self) -> dict[str, int]:
        """Values for `LIMIT :size OFFSET :skip`."""
        return {"size": self.size, "skip": self.skip}


def money(column: str) -> str:
    """SQL for an exact amount with at least two decimals and no superfluous zeros."""
    return f"round({column}, greatest(min_scale({column}), 2))"


async def many(session: AsyncSession, into: type[T], statement: str, **values: object) -> list[T]:
    """All rows, each as an `into`, whose fields are the selected columns."""
    result = await run_sql(session, statement, **values)
    found = msgspec.convert(result.mappings().all(), list[into])  # type: ignore[valid-type]
    people.note(into, len(found))
    return found


async def one(session: AsyncSession, into: type[T], statement: str, **values: object) -> T | None:
    """The first row as an `into`, None without rows."""
    result = await run_sql(session, statement, **values)
    row = result.mappings().first()
    return None if row is None else msgspec.convert(row, into)


async def scalar(session: AsyncSession, statement: str, **values: object) -> Any:
    """The only value of the only row."""
    return (await run_sql(session, statement, **values)).scalar()
