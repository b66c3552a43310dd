"""Dates and date-times as shops write them, to moments in UTC; impossible ones become null."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import polars as pl

from ingest.reading import day_numbers, odd_dates
from ingest.reading.day_numbers import Unit

DateOrder = Literal["dmy", "mdy"]

_ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_ISO_SECOND = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}$"
_TIME = (
    r"(?:[T ] *([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)"
    r" ?([AaPp][Mm])? ?(Z|z|UTC|GMT|[+-](?:0[0-9]|1[0-4]):?(?:[0-5][0-9])?)?)?$"
)
_SLASHED = r"^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})"
_VOTES = r"^([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4}|[0-9]{2})(?:\D|$)"
_VOTED_DAY = r"([0-9]{1,2}[/-][0-9]{1,2}[/-](?:[0-9]{4}|[0-9]{2}))"
_DAY_FORMS = (
    (r"^([0-9]{4}-[0-9]{2}-[0-9]{2})", "$1"),
    (r"^([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})", "$1-$2-$3"),
    (r"^([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", "$3-$2-$1"),
    (r"^([0-9]{4})([0-9]{2})([0-9]{2})", "$1-$2-$3"),
)


@dataclass(slots=True)
class DateVotes:
    """Dates of a file with day and month in an order that the form does not tell, counted."""

    dmy: int = 0
    mdy: int = 0
    """Those that can be read in one order only."""
    either: int = 0
    """Those that are a day in both orders, and not the same one."""
    future_dmy: int = 0
    future_mdy: int = 0
    """Of these, how many lie in the future when read so."""
    turns_dmy: int = 0
    turns_mdy: int = 0
    """How often the dates of the file, one after the other, turn back when read so."""
    example: str = ""
    has_halves: bool = False
    """Whether some have AM or PM."""

    def count(self, raw: pl.Series, now: datetime) -> None:
        """Add the votes of these cells."""
        raw = raw.str.strip_chars().str.replace(odd_dates.UNMARKED, "$1/$2/$3")
        parts = raw.str.extract_groups(_VOTES).struct
        first, second, year = (parts.field(str(place)).cast(pl.Int32) for place in (1, 2, 3))
        self.dmy += int(((first > 12) & (first <= 31) & (second <= 12)).sum())
        self.mdy += int(((second > 12) & (second <= 31) & (first <= 12)).sum())
        is_open = ((first <= 12) & (second <= 12) & (first != second)).fill_null(value=False)
        if not is_open.any():
            return
        self.either += int(is_open.sum())
        first, second, year = (part.filter(is_open) for part in (first, second, year))
        self._look_at(raw.filter(is_open))
        self._compare(first, second, year + 2000 * (year < 100).cast(pl.Int32), now)

    def _look_at(self, raw: pl.Series) -> None:
        self.example = self.example or str(raw.str.extract(_VOTED_DAY)[0])
        self.has_halves |= bool(raw.str.contains("(?i)[ap]m").any())

    def _compare(self, first: pl.Series, second: pl.Series, year: pl.Series, now: datetime) -> None:
        today = (now.year * 100 + now.month) * 100 + now.day + 1
        dmy, mdy = ((year * 100 + month) * 100 + day
                    for month, day in ((second, first), (first, second)))  # fmt: skip
        self.future_dmy += int((dmy > today).sum())
        self.future_mdy += int((mdy > today).sum())
        self.turns_dmy += _turns(dmy)
        self.turns_mdy += _turns(mdy)

    @property
    def proved(self) -> DateOrder:
        """The order that most of the telling values have."""
        return "dmy" if self.dmy > self.mdy else "mdy"

    @property
    def likely(self) -> DateOrder | None:
        """The order in which the dates follow one another; None when both or neither do."""
        if bool(self.turns_dmy) == bool(self.turns_mdy):
            return None
        return "mdy" if self.turns_dmy else "dmy"

    @property
    def contradicts_itself(self) -> bool:
        """Whether too many values speak for each order to trust either."""
        return min(self.dmy, self.mdy) > 0.05 * (self.dmy + self.mdy)


def _turns(days: pl.Series) -> int:
    """How often a series that rises or falls does not."""
    steps = days.diff().drop_nulls()
    return min(int((steps > 0).sum()), int((steps < 0).sum()))


class Moments(NamedTuple):
    """What a column of dates means."""

    values: pl.Series
    """Moments in UTC; null where the text is no date that exists."""
    is_plain_utc: bool = False
    """Whether the texts are ISO, without a zone, and meant in UTC."""


def read_dates(
    raw: pl.Series, zone: str, order: DateOrder, latest_year: int = 2099, unit: Unit | None = None
) -> Moments:
    """Read a column of dates; a clock time without a zone is one of `zone`.

    With a `unit`, numbers are days or seconds. Two digits mean the newest year up to
    `latest_year`. What the usual forms leave open is tried once more, by the forms that few files
    have.
    """
    found = _read_numbers(raw, zone, unit) if unit else _read_usual(raw, zone, order)
    left = (found.values.is_null() & (raw != "")).arg_true()
    if left.is_empty():
        return found
    wall, minutes = odd_dates.read(raw.gather(left), order, latest_year)
    values = _absolute(wall, minutes, zone)
    return Moments(
        found.values.scatter(left, values), found.is_plain_utc and values.is_null().all()
    )


def _read_numbers(raw: pl.Series, zone: str, unit: Unit) -> Moments:
    moments = day_numbers.read(raw, unit)
    if unit == "excel":
        moments = _localise(moments.dt.replace_time_zone(None), zone)
    return Moments(moments)


def _absolute(wall: pl.Series, minutes: pl.Series, zone: str) -> pl.Series:
    """Moments from clock times and minutes east of UTC; without those, clock times of `zone`."""
    shift = pl.Series(minutes * 60_000_000).cast(pl.Duration("us"))
    known = (wall - shift).dt.replace_time_zone("UTC")
    local = _localise(wall.set(minutes.is_not_null(), None), zone)
    return pl.select(pl.coalesce(known, local)).to_series()


def _read_usual(raw: pl.Series, zone: str, order: DateOrder) -> Moments:
    if raw.str.contains(_ISO_DAY).all():
        clock = raw.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
    elif raw.str.contains(_ISO_SECOND).all():
        plain = raw.str.replace("T", " ", literal=True)
        clock = plain.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    else:
        return Moments(_read_any(raw.str.strip_chars(), zone, order))
    return Moments(_localise(clock, zone), zone == "UTC")


def _read_any(raw: pl.Series, zone: str, order: DateOrder) -> pl.Series:
    """Bring every known form to one, part by part."""
    slashed = "$3-$2-$1" if order == "dmy" else "$3-$1-$2"
    forms = ((_SLASHED, slashed), *_DAY_FORMS)
    text = pl.col("raw")
    day = pl.coalesce(
        pl.when(text.str.contains(pattern + _TIME)).then(
            text.str.extract(pattern.replace("(", "(?:").join("()"), 1).str.replace(pattern, form)
        )
        for pattern, form in forms
    )
    time = text.str.extract_groups(_TIME).struct
    clock = time.field("1").str.replace(",", ".", literal=True)
    frame = pl.DataFrame({"raw": raw}).select(
        day=day,
        clock=pl.when(clock.str.count_matches(":") == 1)
        .then(clock + ":00").otherwise(clock).fill_null("00:00:00"),
        half=time.field("2").str.to_uppercase(),
        offset=time.field("3"),
    )  # fmt: skip
    local = frame.select(_moment()).to_series()
    minutes = frame.select(_offset_minutes()).to_series()
    return _absolute(local, minutes, zone)


def _moment() -> pl.Expr:
    whole = pl.col("day") + " " + pl.col("clock")
    plain = whole.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    halved = (whole + " " + pl.col("half")).str.to_datetime(
        "%Y-%m-%d %I:%M:%S%.f %p", time_unit="us", strict=False
    )
    return pl.when(pl.col("half").is_null()).then(plain).otherwise(halved)


def _offset_minutes() -> pl.Expr:
    """East positive; null without a zone, as in `+0530`, `-05:00`, `+02`, `Z`."""
    parts = pl.col("offset").str.extract_groups(r"^([+-])([0-9]{2}):?([0-9]{2})?$").struct
    hours, minutes = parts.field("2").cast(pl.Int64), parts.field("3").cast(pl.Int64).fill_null(0)
    size = hours * 60 + minutes
    signed = pl.when(parts.field("1") == "-").then(-size).otherwise(size)
    return pl.when(pl.col("offset").is_not_null()).then(signed.fill_null(0))


def _localise(clock: pl.Series, zone: str) -> pl.Series:
    """Read clock times in `zone`. A time that a clock change skips counts as the hour after it."""
    if zone == "UTC":
        return clock.dt.replace_time_zone("UTC")

    def read(series: pl.Series) -> pl.Series:
        return series.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")

    found = read(clock)
    if found.null_count() > clock.null_count():
        found = pl.select(pl.coalesce(found, read(clock.dt.offset_by("1h")))).to_series()
    return found.dt.convert_time_zone("UTC")
