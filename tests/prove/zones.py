"""Zones all around the globe, and which of them are the first to end their day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York", "Asia/Kolkata")
MARGIN = timedelta(minutes=10)
"""A day that ends sooner may be over before anything is scored, and the next one ends last."""


def day_end(zone: str, moment: datetime) -> datetime:
    """When the day ends that this moment has there."""
    tomorrow = moment.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return datetime.combine(tomorrow, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)


def last_to_end(moment: datetime) -> str:
    """Where the day ends last."""
    return max(ZONES, key=lambda zone: day_end(zone, moment))


def sooner_to_end(zone: str, moment: datetime) -> list[str]:
    """Where the day ends before it does there, and not within minutes."""
    ends = {one: day_end(one, moment) for one in ZONES}
    return [one for one, end in ends.items() if moment + MARGIN < end < ends[zone]]
