"""Dates as numbers, and dates that two columns make up."""

import pytest

from tests.unit.ingest.reading.reading import Read, read
from tests.unit.ingest.reading.test_style import with_dates


def moments_of(found: Read) -> list[str]:
    return [str(moment)[:19] for moment in found.rows["order_date"].to_list()]


@pytest.mark.parametrize(
    ("numbers", "moments"),
    [
        (["46290", "46291"], ["2026-09-25 00:00:00", "2026-09-26 00:00:00"]),
        (["46290", "46296.4375"], ["2026-09-25 00:00:00", "2026-10-01 10:30:00"]),
        (["1790300000", "1790400000"], ["2026-09-25 01:33:20", "2026-09-26 05:20:00"]),
        (["1790300000.5"], ["2026-09-25 01:33:20"]),
        (["1790300000000"], ["2026-09-25 01:33:20"]),
        (["1790300000000000"], ["2026-09-25 01:33:20"]),
    ],
)
def test_a_whole_column_of_numbers_is_read_and_told(numbers: list[str], moments: list[str]) -> None:
    found = with_dates(*numbers)
    assert moments_of(found) == moments
    [told] = [note["text"] for note in found.told if note["about"] == "column.date"]
    assert told.startswith(f"{numbers[0]} is read as")


def test_a_spreadsheets_day_is_one_of_the_shop_and_an_epoch_is_not() -> None:
    assert moments_of(with_dates("46290.5", zone="Europe/Berlin")) == ["2026-09-25 10:00:00"]
    assert moments_of(with_dates("1790300000", zone="Europe/Berlin")) == ["2026-09-25 01:33:20"]


@pytest.mark.parametrize(
    "numbers",
    [["46290", "7"], ["99999", "46290"], ["20260925", "46290"], ["1790300000", "46290"],
     ["2790300000"], ["12345"]],
)  # fmt: skip
def test_a_column_that_may_hold_something_else_is_not_guessed_at(numbers: list[str]) -> None:
    found = with_dates(*numbers)
    assert found.rejects["reason"].to_list()
    assert not [note for note in found.told if note["about"] == "column.date"]


@pytest.mark.parametrize(
    ("header", "row", "moment"),
    [
        ("Date,Time", "2026-09-13,10:02:11", "2026-09-13 10:02:11"),
        ("Date,Time,TimeZone", "09/26/2026,10:02:11,PDT", "2026-09-26 17:02:11"),
        ("Date,Time,Time Zone", "2026-09-13,10:02 PM,+02:00", "2026-09-13 20:02:00"),
        ("Date,Time,Time Zone", "2026-09-13,10:02:11,Eastern Time (US & Canada)",
         "2026-09-13 10:02:11"),
        ("Datum,Uhrzeit", "13.09.2026,10:02", "2026-09-13 10:02:00"),
    ],
)  # fmt: skip
def test_a_time_in_a_column_of_its_own_completes_the_date(
    header: str, row: str, moment: str
) -> None:
    found = read(f"{header},order_id,customer_id,order_amount\n{row},1,C1,10.00\n")
    assert moments_of(found) == [moment]
    assert [note for note in found.told if note["about"] == "column.order_date"]


def test_a_date_that_has_its_time_needs_no_other() -> None:
    found = read(
        "Date,Time,order_id,customer_id,order_amount\n2026-09-13 08:00:00,10:02,1,C1,10.00\n"
    )
    assert moments_of(found) == ["2026-09-13 08:00:00"]
