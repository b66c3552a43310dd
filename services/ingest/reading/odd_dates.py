"""The forms of dates that few files have: names of months, two-digit years, words for
zones. `dates` asks for them where it cannot read a cell itself.
"""

import polars as pl

from ingest.reading.calendar_words import ZONES, names

_ZONE_WORD = "|".join(sorted(ZONES, key=len, reverse=True))

_NUMERIC_DAY = (
    r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|[0-9]{8}"
)
UNMARKED = r"^([0-3][0-9])([0-3][0-9])(20[0-9]{2})$"
"""Eight digits with the year behind; as a year in front they would have a month 20."""
_TO_USUAL = (
    (r"^=\"(.*)\"$", "$1"),
    (r"^'", ""),
    (r"[\s\u00a0\u202f\u2009\u3000]+", " "),
    (r"[（(][^()（）]*[)）]", ""),  # the name of a zone or a weekday
    (r"([+-][0-9]{2}:?[0-9]{2}|z)\[[^\]]+\]$", "$1"),
    (r"([+-][0-9]{2}:?[0-9]{2}) (?:utc|gmt)$", "$1"),
    (r"^([0-9]{8})t?([0-2][0-9])([0-5][0-9])([0-5][0-9])?(z|[+-][0-9:]+)?$", "$1 $2:$3:$4$5"),
    (r":(z|[+-][0-9:]+)$", "$1"),
    (UNMARKED, "$1/$2/$3"),
    (r" г\.?, ?", " "),
    (r"([0-9]{2}) ?(?:h|hs|hrs|ч)\.?$", "$1"),
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

_AT = r"at|um|om|à|às|as|a las|alle|ore|kl\.?|o|o godz\.?|godz\.?|v|ve|в|saat"
"""What may stand between a day and its time."""
_TAIL = (
    rf"(?:(?:t|,? (?:(?:{_AT}) )?)([0-9]{{1,2}})[:.h]([0-9]{{2}})"
    r"(?:[:.]([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?([ap])m)?"
    rf" ?(?:(?:gmt|utc)?([+-](?:1[0-4]|0?[0-9]):?(?:[0-5][0-9])?)|({_ZONE_WORD}))?)$"
)
_YEAR = r"'?([0-9]{4}|[0-9]{2})"
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th|er|\.|º)?"
_GAP = r"[ \-/.,]*(?:de[l]? |of )?"
_DIGITS = {
    "ymd4": r"^([0-9]{4})[-/.] ?([0-9]{1,2})[-/.] ?([0-9]{1,2})\.?$",
    "plain": r"^([12][0-9]{3})([0-9]{2})([0-9]{2})(?:\.0+)?$",
    "dotted": r"^([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4}|[0-9]{2})\.?$",
    "slashed": r"^([0-9]{1,2})[/-] ?([0-9]{1,2})[/-] ?([0-9]{4}|[0-9]{2})$",
}
_NAMED = {  # @ stands for the month
    "d@y": rf"^{_DAY}{_GAP}@{_GAP}{_YEAR}\.?$",
    "@dy": rf"^@{_GAP}{_DAY}{_GAP}{_YEAR}\.?$",
    "y@d": rf"^([0-9]{{4}}){_GAP}@{_GAP}([0-9]{{1,2}})$",
}
_PLACES = {"dmy": (3, 2, 1), "mdy": (3, 1, 2), "ymd": (1, 2, 3)}
"""Where year, month and day stand."""


def read(raw: pl.Series, order: str, latest_year: int) -> tuple[pl.Series, pl.Series]:
    """Clock times, and minutes east of UTC where they are known; both null where nothing fits.

    `order` is that of dates with slashes; with dots the day comes first. `latest_year` is the
    last one that two digits may mean.
    """
    frame = pl.DataFrame({"text": usual(raw)})
    if _has_names(frame["text"]):
        frame = _without_names(frame)
    else:
        frame = frame.with_columns(month=pl.lit(None, pl.Int64))
    frame = frame.with_columns(tail=pl.col("text").str.extract_groups(_TAIL)).with_columns(
        body=pl.col("text").str.replace(_TAIL, "").str.strip_chars(" ,")
    )
    day = pl.coalesce(*_days(order, latest_year))
    found = frame.select(wall=day.cast(pl.Datetime("us")) + _clock(), minutes=_minutes())
    return found["wall"], found["minutes"]


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


def _days(order: str, latest_year: int) -> list[pl.Expr]:
    places = {"ymd4": _PLACES["ymd"], "plain": _PLACES["ymd"], "dotted": _PLACES["dmy"],
              "slashed": _PLACES[order]}  # fmt: skip
    digits = [
        _date(latest_year, *[_part(pattern, place) for place in places[name]])
        for name, pattern in _DIGITS.items()
    ]
    month = pl.col("month")
    named = [
        _date(latest_year, _part(_NAMED[name], year), month, _part(_NAMED[name], day))
        for name, year, day in (("d@y", 2, 1), ("@dy", 2, 1), ("y@d", 1, 2))
    ]
    return digits + named


def _part(pattern: str, place: int) -> pl.Expr:
    return pl.col("body").str.extract(pattern, place).cast(pl.Int64, strict=False)


def _date(latest_year: int, year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
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
