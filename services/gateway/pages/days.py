"""Days in addresses: `date` pins a page to a snapshot, `compare` names the one to compare with."""

from datetime import date
from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from rfm_common.errors import InvalidInputError

DayDep = NamedDependency[date | None]


def provide_day(request: Request[Any, Any, Any]) -> date | None:
    """The day of `?date=`; an empty field of a form counts as absent."""
    return _parse("date", request.query_params.get("date"))


def provide_compare(request: Request[Any, Any, Any]) -> date | None:
    """The day of `?compare=`."""
    return _parse("compare", request.query_params.get("compare"))


def iso(day: date | None) -> str | None:
    """The day as the snapshot queries want it."""
    return day.isoformat() if day else None


def _parse(name: str, value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise InvalidInputError(f"{name}: {value!r} is not a date like 2026-11-22") from error
