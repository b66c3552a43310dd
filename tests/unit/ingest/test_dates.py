"""Dates are moments in UTC, or nothing: never another day than the file says."""

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reading.dates import DateOrder, read_dates


def read(text: str, zone: str = "UTC", order: DateOrder = "dmy") -> datetime | None:
    moment = read_dates(pl.Series([text]), zone, order).values[0]
    assert moment is None or isinstance(moment, datetime)
    return moment


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-10", utc(2024, 1, 10)), (" 2024-01-10 ", utc(2024, 1, 10)),
        ("2024-01-10T05:06", utc(2024, 1, 10, 5, 6)),
        ("2024-01-10 05:06:07", utc(2024, 1, 10, 5, 6, 7)),
        ("2024-01-10 05:06:07.25Z", utc(2024, 1, 10, 5, 6, 7, 250_000)),
        ("2024-01-10T05:06:07+02:00", utc(2024, 1, 10, 3, 6, 7)),
        ("2024-01-10 14:35:20 -0500", utc(2024, 1, 10, 19, 35, 20)),
        ("2024-01-10 05:06:07 UTC", utc(2024, 1, 10, 5, 6, 7)),
        ("13/01/2024", utc(2024, 1, 13)), ("1/2/2024 3:45 PM", utc(2024, 2, 1, 15, 45)),
        ("2024/3/4", utc(2024, 3, 4)), ("04.03.2024 12:00", utc(2024, 3, 4, 12)),
        ("20240304", utc(2024, 3, 4)), ("2024-02-29", utc(2024, 2, 29)),
    ],
)  # fmt: skip
def test_the_known_forms(text: str, moment: datetime) -> None:
    assert read(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "x", "2024-02-30", "2023-02-29", "2024-13-01", "20241304", "00/01/2024",
     "12/31/2024", "2024-01-10 25:00:00", "2024-01-10 05:06:07 +99:00",
     "2024-01-10x", "31 Feb 2024", "Foo 10, 2024", "2024-01-10 10:00 CST",
     "1704067200", "45560", "5 5", "1.234,50", "２０２４-01-10"],
)  # fmt: skip
def test_what_is_no_date_or_not_a_certain_one(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-1-5 8:05", utc(2024, 1, 5, 8, 5)), ("2024.09.25.", utc(2024, 9, 25)),
        ("20240925T103000Z", utc(2024, 9, 25, 10, 30)), ("202409251030", utc(2024, 9, 25, 10, 30)),
        ("20240925103015", utc(2024, 9, 25, 10, 30, 15)), ("25092024", utc(2024, 9, 25)),
        ("2024-09-25 10:30:00 +0200 UTC", utc(2024, 9, 25, 8, 30)),
        ("25 de setembro de 2024 às 10:30", utc(2024, 9, 25, 10, 30)),
        ("25 de septiembre de 2024, 10:30 h", utc(2024, 9, 25, 10, 30)),
        ("25 września 2024 o 10:30", utc(2024, 9, 25, 10, 30)),
        ("25 september 2024 om 10:30", utc(2024, 9, 25, 10, 30)),
        ("25 september 2024 kl. 10:30", utc(2024, 9, 25, 10, 30)),
        ("25 сентября 2024 г., 10:30", utc(2024, 9, 25, 10, 30)),
        ("2024. 9. 25", utc(2024, 9, 25)), ("25.09.24", utc(2024, 9, 25)),
        ("5/9/24", utc(2024, 9, 5)), ("Sep 25, 2024", utc(2024, 9, 25)),
        ("25-Sep-2024", utc(2024, 9, 25)), ("Sep-21-24", utc(2024, 9, 21)),
        ("September 25, 2024 10:30 AM", utc(2024, 9, 25, 10, 30)),
        ("Wed, 25 Sep 2024 10:30:00 GMT", utc(2024, 9, 25, 10, 30)),
        ("1. Dez. 2025", utc(2025, 12, 1)), ("3. März 2026", utc(2026, 3, 3)),
        ("12 août 2024", utc(2024, 8, 12)), ("3 de mayo de 2024", utc(2024, 5, 3)),
        ("3 maggio 2024", utc(2024, 5, 3)), ("2 sierpnia 2024", utc(2024, 8, 2)),
        ("2024年9月25日", utc(2024, 9, 25)), ("2024-09-25 10:30:00 EST", utc(2024, 9, 25, 15, 30)),
        ("2024-09-25T10:30:00+02:00[Europe/Berlin]", utc(2024, 9, 25, 8, 30)),
        ("Wed Sep 25 2024 10:30:00 GMT+0200 (CEST)", utc(2024, 9, 25, 8, 30)),
        ("2024-09-25 24:00:00", utc(2024, 9, 26)), ("2024-09-25 1430", utc(2024, 9, 25, 14, 30)),
        ("25/9/2024 22:30:00 PM", utc(2024, 9, 25, 22, 30)), ("20240925.0", utc(2024, 9, 25)),
    ],
)  # fmt: skip
def test_the_forms_that_few_files_have(text: str, moment: datetime) -> None:
    assert read(text) == moment


def test_two_digits_mean_the_newest_year_up_to_the_next_one() -> None:
    texts = pl.Series(["5/9/27", "5/9/28", "5/9/99"])
    years = read_dates(texts, "UTC", "dmy", latest_year=2027).values.dt.year().to_list()
    assert years == [2027, 1928, 1999]


def test_a_column_of_names_is_read_in_the_shops_zone() -> None:
    assert read("Jan 10, 2024", "Europe/Berlin") == utc(2024, 1, 9, 23)
    assert read("Jan 10, 2024 5:00 PM CET", "Asia/Tokyo") == utc(2024, 1, 10, 16)


def test_a_clock_time_without_a_zone_is_the_shops() -> None:
    assert read("2024-01-10", "Europe/Berlin") == utc(2024, 1, 9, 23)
    assert read("2024-07-10 12:00:00", "Europe/Berlin") == utc(2024, 7, 10, 10)
    assert read("2024-07-10 12:00:00Z", "Europe/Berlin") == utc(2024, 7, 10, 12)


def test_a_time_that_the_clock_change_skips_is_the_hour_after() -> None:
    assert read("2021-03-28 02:30:00", "Europe/Berlin") == utc(2021, 3, 28, 1, 30)


FIRST, LAST = (datetime(year, 1, 1) for year in (1900, 2100))  # noqa: DTZ001 - clock times
moments = st.datetimes(FIRST, LAST).map(lambda moment: moment.replace(microsecond=0))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(max_examples=40, deadline=None)
@given(st.lists(moments, min_size=1, max_size=10), offsets)
def test_every_moment_survives_in_every_form(values: list[datetime], offset: timezone) -> None:
    expected = [value.replace(tzinfo=UTC) for value in values]
    forms = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S",
             "%Y/%m/%d %I:%M:%S %p", "%Y%m%d %H:%M:%SZ")  # fmt: skip
    for form in forms:
        texts = pl.Series([value.strftime(form) for value in values])
        assert read_dates(texts, "UTC", "dmy").values.to_list() == expected
    zoned = pl.Series([value.replace(tzinfo=offset).isoformat() for value in values])
    assert read_dates(zoned, "Asia/Tokyo", "dmy").values.to_list() == [
        value.replace(tzinfo=offset) for value in values
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(moments.map(lambda m: m.strftime("%Y-%m-%d")), st.text(max_size=12))))
def test_a_row_means_the_same_whatever_stands_around_it(texts: list[str]) -> None:
    together = read_dates(pl.Series(texts, dtype=pl.String), "UTC", "dmy").values.to_list()
    assert together == [read(text) for text in texts]
