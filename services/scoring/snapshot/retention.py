"""Which snapshots may go: daily for a while, then the last of each month. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Kept:
    """A published snapshot."""

    run_id: int
    calc_date: datetime
    is_automatic: bool


def expendable(snapshots: Sequence[Kept], days: int, zone: ZoneInfo) -> list[int]:
    """Runs whose snapshots may go; never the newest, never one that somebody asked for.

    Age is measured from the newest snapshot, so that a shop with old data keeps its past too.
    """
    if not snapshots:
        return []
    newest = max(snapshots, key=lambda one: one.calc_date)
    limit = newest.calc_date - timedelta(days=days)
    last = {_period(one, limit, zone): one.run_id for one in _oldest_first(snapshots)}
    stay = {*last.values(), newest.run_id}
    return [one.run_id for one in snapshots if one.is_automatic and one.run_id not in stay]


def _period(one: Kept, limit: datetime, zone: ZoneInfo) -> date:
    """The day, or for an old one the month, of which only the last snapshot stays."""
    day = one.calc_date.astimezone(zone).date()
    return day if one.calc_date > limit else day.replace(day=1) - timedelta(days=36_500)


def _oldest_first(snapshots: Iterable[Kept]) -> list[Kept]:
    return sorted((one for one in snapshots if one.is_automatic), key=lambda one: one.calc_date)
