"""Days in addresses: `date` pins a page to a snapshot, `compare` names the one to compare with."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request
from litestar.di import NamedDependency

from gateway.kit.numbers import Numbers
from rfm_common.errors import InvalidInputError

DayDep = NamedDependency[date | None]
MONTH = r"^((19|2\d)\d\d-(0[1-9]|1[0-2]))?$"
"""A month, as the API describes it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A day that the filter bar offers."""

    value: str
    label: str
    is_chosen: bool


def provide_day(request: Request[Any, Any, Any]) -> date | None:
    """The day of `?date=`; an empty field of a form counts as absent."""
    return _parse("date", request.query_params.get("date"))


def provide_compare(request: Request[Any, Any, Any]) -> date | None:
    """The day of `?compare=`."""
    return _parse("compare", request.query_params.get("compare"))


def iso(day: date | None) -> str | None:
    """The day as the snapshot queries want it."""
    return day.isoformat() if day else None


def choices(
    snapshots: list[tuple[int, datetime]], zone: ZoneInfo, numbers: Numbers, chosen: date | None
) -> list[Choice]:
    """The days that have a snapshot, newest first, each once."""
    days = dict.fromkeys(moment.astimezone(zone).date() for _, moment in snapshots)
    return [Choice(day.isoformat(), numbers.day(day), day == chosen) for day in days]


def day_of(moment: datetime | None, zone: ZoneInfo) -> date | None:
    """The day of a moment in the shop's zone."""
    return moment.astimezone(zone).date() if moment else None


def parse_month(name: str, value: str | None) -> date | None:
    """The first day of a month like 2026-11; None without one."""
    try:
        return date.fromisoformat(f"{value}-01") if value else None
    except ValueError as error:
        raise InvalidInputError(
            f"{name}: {value!r} is not a month like 2026-11", field=name
        ) from error


def _parse(name: str, value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise InvalidInputError(f"{name}: {value!r} is not a date like 2026-11-22") from error
