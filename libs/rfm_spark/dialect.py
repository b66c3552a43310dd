"""Spark's spelling of what differs between the engines' SQL. Pure."""

from datetime import datetime


class SparkDialect:
    """Spark's spelling; its session's time zone is UTC."""

    def text(self, value: str) -> str:
        r"""A string literal; `\` escapes, and two quotes would be two literals."""
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def timestamp(self, moment: datetime) -> str:
        """A literal of a moment in time."""
        return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"

    def local(self, moment: str, zone: str) -> str:
        """What the clock on the wall shows in a time zone."""
        return f"from_utc_timestamp({moment}, {self.text(zone)})"

    def whole_days(self, start: str, end: str) -> str:
        """Days between two local times, rounded down."""
        return f"CAST(timestampdiff(DAY, {start}, {end}) AS integer)"

    def real(self, number: str) -> str:
        """A floating-point number of 64 bits."""
        return f"CAST({number} AS double)"
