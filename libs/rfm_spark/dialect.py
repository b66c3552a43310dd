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

    def whole_days(self, start: str, end: str) -> str:
        """Days between two moments, rounded down."""
        return f"CAST(timestampdiff(DAY, {start}, {end}) AS integer)"

    def day(self, moment: str, zone: str) -> str:
        """The calendar day of a moment in a time zone."""
        return f"CAST(from_utc_timestamp({moment}, {self.text(zone)}) AS date)"

    def real(self, number: str) -> str:
        """A floating-point number of 64 bits."""
        return f"CAST({number} AS double)"
