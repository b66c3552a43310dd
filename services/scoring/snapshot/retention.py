"""Which snapshots may go: daily for a while, then the last of each month. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Kept:
    """A published snapshot."""

    run_id: int
    calc_date: datetime
    is_automatic: bool


def expendable(snapshots: Sequence[Kept], days: int, zone: ZoneInfo) -> list[int]:
    """Runs whose snapshots may go; never the newest, never one that somebody asked for.

    Of the newest `days` that have one the last stays, of earlier ones the last of each month. Days
    without a snapshot are not counted: a shop with old data keeps its past too, and a clock that
    ran ahead by years takes the place of one day only.
    """
    automatic = _oldest_first(snapshots)
    daily = set(sorted({_day(one, zone) for one in automatic})[-days:])
    stay = {_period(_day(one, zone), daily): one.run_id for one in automatic}
    return [one.run_id for one in automatic if stay[_period(_day(one, zone), daily)] != one.run_id]


def _day(snapshot: Kept, zone: ZoneInfo) -> date:
    return snapshot.calc_date.astimezone(zone).date()


def _period(day: date, daily: set[date]) -> tuple[int, ...]:
    """The day, or for an old one the month, of which only the last snapshot stays."""
    return (day.year, day.month, day.day) if day in daily else (day.year, day.month)


def _oldest_first(snapshots: Iterable[Kept]) -> list[Kept]:
    return sorted((one for one in snapshots if one.is_automatic), key=lambda one: one.calc_date)
