"""Days are counted on the shop's wall clock, so that a change of the clock shifts nobody."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def days_before(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same time of day so many days earlier."""
    return (moment.astimezone(zone) - days * DAY).astimezone(UTC)


def days_between(earlier: datetime, later: datetime, zone: ZoneInfo) -> int:
    """Whole days by the clock, rounded down."""
    clocks = [moment.astimezone(zone).replace(tzinfo=None) for moment in (earlier, later)]
    return (clocks[1] - clocks[0]) // DAY
