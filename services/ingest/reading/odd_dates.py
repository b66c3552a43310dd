"""The forms of dates that few files have: names of months, two-digit years, Excel's day numbers,
seconds since 1970, words for zones. Slower than `dates`, which asks only for what it cannot read.
"""

import polars as pl

from ingest.reading.calendar_words import ZONES, names

NOTHING = frozenset({
    "", "null", "none", "nan", "nat", "n/a", "na", "#n/a", "#n/v", "<na>", "nil", "-", "--", "—",
    "(null)", "(blank)", "0", "0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.0000",
})  # fmt: skip
"""What programs write where there is no date, in lower case."""

DAY_NUMBER = r"^(3[3-9]|[4-6][0-9]|7[0-2])[0-9]{3}(?:\.[0-9]+)?$"
"""Excel's days since 1900, from 1990 to 2099."""
SINCE_1970 = r"^(?:[6-9][0-9]{8}|[1-3][0-9]{9})(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.[0-9]{1,6})?$"
"""Seconds, milliseconds, microseconds or nanoseconds, from 1989 to 2096."""
DAY_WITHOUT_MARKS = r"^[12][0-9]{7}(?:\.0+)?$"

_ZONE_WORD = "|".join(sorted(ZONES, key=len, reverse=True))
ZONE_AT_END = rf"(?i)[0-9apm] ?\b({_ZONE_WORD})$"

_NUMERIC_DAY = (
    r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|[0-9]{8}"
)
_TO_USUAL = (
    (r"^=\"(.*)\"$", "$1"),
    (r"^'", ""),
    (r"[\s\u00a0\u202f\u2009\u3000]+", " "),
    (r"[（(][^()（）]*[)）]", ""),  # the name of a zone or a weekday
    (r"([+-][0-9]{2}:?[0-9]{2}|z)\[[^\]]+\]$", "$1"),
    (r"^([0-9]{4}) ?[年년] ?([0-9]{1,2}) ?[月월] ?([0-9]{1,2}) ?[日일]", "$1-$2-$3 "),
    (r"([0-9]{1,2})[時时시] ?([0-9]{1,2})[分분](?: ?([0-9]{1,2})[秒초])?", "$1:$2:$3"),
    (r":$", ""),
    (r"(?:午後|下午|오후) ?([0-9]{1,2}:[0-9:]+)", "$1 pm"),
    (r"(?:午前|上午|오전) ?([0-9]{1,2}:[0-9:]+)", "$1 am"),
    (r" ?\b([ap])\. ?m\.", " ${1}m"),
    (rf"^({_NUMERIC_DAY}) ([0-2][0-9])([0-5][0-9])([0-5][0-9])?$", "$1 $2:$3:$4"),
    (r":$", ""),
    (r"(?:,? )([0-9]{1,2}) ?([ap]m)$", " $1:00 $2"),
    (r" (?:uhr|г|год|року)\.?$", ""),
    (r"^(?:den|le|el|il) ", ""),
    # as C's ctime has it, the year behind the time
    (r"^(.*?[0-9]) ([0-9]{1,2}:[0-9]{2}:[0-9]{2})( [a-z]{1,5}| [+-][0-9]{4})? ([0-9]{4})$",
     "$1 $4 $2$3"),
)  # fmt: skip

_TAIL = (
    r"(?:(?:t|,? (?:at |um |à |a las )?)([0-9]{1,2})[:.h]([0-9]{2})"
    r"(?:[:.]([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?([ap])m)?"
    rf" ?(?:(?:gmt|utc)?([+-][0-9]{{1,2}}:?(?:[0-9]{{2}})?)|({_ZONE_WORD}))?)$"
)
_YEAR = r"'?([0-9]{4}|[0-9]{2})"
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th|er|\.|º)?"
_GAP = r"[ \-/.,]*(?:de[l]? |of )?"
_DIGITS = {
    "ymd4": r"^([0-9]{4})[-/.] ?([0-9]{1,2})[-/.] ?([0-9]{1,2})\.?$",
    "plain": r"^([12][0-9]{3})([0-9]{2})([0-9]{2})(?:\.0+)?$",
    "dotted": r"^([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4}|[0-9]{2})\.?$",
    "slashed": r"^([0-9]{1,2})[-/] ?([0-9]{1,2})[-/] ?([0-9]{4}|[0-9]{2})$",
}
_NAMED = {  # @ stands for the month
    "d@y": rf"^{_DAY}{_GAP}@{_GAP}{_YEAR}\.?$",
    "@dy": rf"^@{_GAP}{_DAY}{_GAP}{_YEAR}\.?$",
    "y@d": rf"^([0-9]{{4}}){_GAP}@{_GAP}([0-9]{{1,2}})$",
}
_PLACES = {"dmy": (3, 2, 1), "mdy": (3, 1, 2), "ymd": (1, 2, 3)}
"""Where year, month and day stand."""


def is_nothing(raw: pl.Series) -> pl.Series:
    """A mask: cells that say that there is no date."""
    return raw.str.strip_chars().str.to_lowercase().is_in(list(NOTHING))


def read(
    raw: pl.Series, order: str, dotted: str, latest_year: int
) -> tuple[pl.Series, pl.Series]:
    """Clock times, and minutes east of UTC where they are known; both null where nothing fits."""
    frame = pl.DataFrame({"text": usual(raw)})
    if _has_names(frame["text"]):
        frame = _without_names(frame)
    else:
        frame = frame.with_columns(month=pl.lit(None, pl.Int64))
    frame = frame.with_columns(tail=pl.col("text").str.extract_groups(_TAIL)).with_columns(
        body=pl.col("text").str.replace(_TAIL, "").str.strip_chars(" ,")
    )
    day = pl.coalesce(*_days(order, dotted, latest_year))
    found = frame.select(wall=day.cast(pl.Datetime("us")) + _clock(), minutes=_minutes())
    numbers = frame.select(number=_numbers()).to_series()
    is_absolute = frame.select(pl.col("text").str.contains(SINCE_1970)).to_series()
    wall = pl.select(pl.coalesce(found["wall"], numbers)).to_series()
    return wall, found["minutes"].set(is_absolute & wall.is_not_null(), 0)


def usual(raw: pl.Series) -> pl.Series:
    """Lower case, plain spaces, a time behind the day, as `read` takes dates apart."""
    text = pl.col("text").str.strip_chars().str.to_lowercase().str.normalize("NFC")
    for pattern, form in _TO_USUAL:
        text = text.str.replace_all(pattern, form)
    return pl.DataFrame({"text": raw}).select(text.str.strip_chars()).to_series()


def _has_names(text: pl.Series) -> bool:
    """Whether letters are left that no time or zone explains."""
    rest = text.str.replace(_TAIL, "")
    return bool(rest.str.contains(r"\p{L}{2}|[月火水木金土日]").any())


def _without_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Put @ for the month's name, its number apart, and drop weekdays."""
    known = names()
    text = pl.col("text").str.replace(known.weekday, "")
    return frame.with_columns(
        text=text.str.replace(known.month, "@"),
        month=text.str.extract(known.month).replace_strict(
            known.months, default=None, return_dtype=pl.Int64
        ),
    )


def _days(order: str, dotted: str, latest_year: int) -> list[pl.Expr]:
    places = {"ymd4": _PLACES["ymd"], "plain": _PLACES["ymd"], "dotted": _PLACES[dotted],
              "slashed": _PLACES[order]}  # fmt: skip
    digits = [
        _date(*(_part(pattern, place) for place in places[name]), latest_year)
        for name, pattern in _DIGITS.items()
    ]
    month = pl.col("month")
    named = [
        _date(_part(_NAMED[name], year), month, _part(_NAMED[name], day), latest_year)
        for name, year, day in (("d@y", 2, 1), ("@dy", 2, 1), ("y@d", 1, 2))
    ]
    return digits + named


def _part(pattern: str, place: int) -> pl.Expr:
    return pl.col("body").str.extract(pattern, place).cast(pl.Int64, strict=False)


def _date(year: pl.Expr, month: pl.Expr, day: pl.Expr, latest_year: int) -> pl.Expr:
    """A day, null where it does not exist."""
    text = pl.format("{}-{}-{}", full_year(year, latest_year), month, day)
    return text.str.to_date("%Y-%m-%d", strict=False)


def full_year(year: pl.Expr, latest_year: int) -> pl.Expr:
    """Of two digits, the newest year that is not after `latest_year`."""
    century = latest_year // 100 * 100
    newest = pl.when(century + year <= latest_year).then(century + year).otherwise(
        century - 100 + year
    )  # fmt: skip
    return pl.when(year < 100).then(newest).otherwise(year)


def _clock() -> pl.Expr:
    """The time of the day; midnight where none is written, null where it is none."""
    group = pl.col("tail").struct.field
    hour, minute, second = (group(str(place)).cast(pl.Int64) for place in (1, 2, 3))
    micro = (group("4") + "000000").str.slice(0, 6).cast(pl.Int64)
    half = group("5")
    twelve = pl.when((hour < 13) & (hour > 0)).then(hour % 12 + 12 * (half == "p").cast(pl.Int64))
    hour = pl.when(half.is_null()).then(hour).when((hour == 0) & (half == "a")).then(0).otherwise(
        pl.coalesce(twelve, pl.when(hour > 12).then(hour))
    )  # fmt: skip
    second, micro = second.fill_null(0), micro.fill_null(0)
    is_time = (minute < 60) & (second < 60) & (
        (hour < 24) | ((hour == 24) & (minute + second + micro == 0))
    )  # fmt: skip
    sound = pl.duration(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    return pl.when(group("1").is_null()).then(pl.duration(hours=0)).when(is_time).then(sound)


def _minutes() -> pl.Expr:
    """East of UTC; null without a zone."""
    group = pl.col("tail").struct.field
    offset = group("6").str.extract_groups(r"^([+-])([0-9]{1,2}):?([0-9]{2})?$").struct
    size = offset.field("2").cast(pl.Int64) * 60 + offset.field("3").cast(pl.Int64).fill_null(0)
    signed = pl.when(offset.field("1") == "-").then(-size).otherwise(size)
    return pl.coalesce(
        signed, group("7").replace_strict(ZONES, default=None, return_dtype=pl.Int64)
    )


def _numbers() -> pl.Expr:
    """Excel's days as clock times, and what counts from 1970 in UTC."""
    text = pl.col("text")
    days = pl.when(text.str.contains(DAY_NUMBER)).then(text.cast(pl.Float64, strict=False))
    since_1900 = pl.datetime(1899, 12, 30) + pl.duration(seconds=(days * 86_400).round())
    whole = text.str.extract("^([0-9]+)")
    size = whole.str.len_bytes()
    scale = (
        pl.when(size <= 10).then(1_000_000).when(size <= 13).then(1_000)
        .when(size <= 16).then(1).otherwise(0)
    )  # fmt: skip
    number = pl.when(text.str.contains(SINCE_1970)).then(whole.cast(pl.Int64, strict=False))
    micros = pl.when(scale > 0).then(number * scale).otherwise(number // 1000)
    return pl.coalesce(since_1900.cast(pl.Datetime("us")), micros.cast(pl.Datetime("us")))
