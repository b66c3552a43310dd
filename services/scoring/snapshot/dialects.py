"""What differs between the engines' SQL; everything else is one text for all of them. Pure."""

from datetime import datetime
from typing import Protocol


class Dialect(Protocol):
    """One engine's spelling."""

    def text(self, value: str) -> str:
        """A string literal."""
        ...

    def timestamp(self, moment: datetime) -> str:
        """A literal of a moment in time."""
        ...

    def local(self, moment: str, zone: str) -> str:
        """What the clock on the wall shows in a time zone, without a zone."""
        ...

    def whole_days(self, start: str, end: str) -> str:
        """Days between two local times, rounded down."""
        ...

    def real(self, number: str) -> str:
        """A floating-point number of 64 bits."""
        ...


class PostgresDialect:
    """PostgreSQL's spelling."""

    def text(self, value: str) -> str:
        """A string literal; quotes doubled, no escapes (standard_conforming_strings)."""
        return "'" + value.replace("'", "''") + "'"

    def timestamp(self, moment: datetime) -> str:
        """A literal of a moment in time."""
        return f"TIMESTAMPTZ '{moment.isoformat()}'"

    def local(self, moment: str, zone: str) -> str:
        """What the clock on the wall shows in a time zone, without a zone."""
        return f"timezone({self.text(zone)}, {moment})"

    def whole_days(self, start: str, end: str) -> str:
        """Days between two local times, rounded down; they differ by days and hours, not months."""
        return f"CAST(extract(day FROM ({end} - {start})) AS integer)"

    def real(self, number: str) -> str:
        """A floating-point number of 64 bits."""
        return f"CAST({number} AS double precision)"
