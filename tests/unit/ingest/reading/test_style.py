"""Day and month, decimals and thousands: proved by the file, told by others, or asked."""

from decimal import Decimal
from typing import Any

import pytest

from ingest.refusal import RefusedError
from tests.unit.ingest.reading.reading import Read, read


def with_dates(*dates: str, **options: Any) -> Read:
    rows = "".join(f"{n},C{n},{date},10.00\n" for n, date in enumerate(dates))
    return read(f"order_id,customer_id,order_date,order_amount\n{rows}", **options)


def days_of(found: Read) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in found.rows["order_date"].to_list()]


def with_amounts(*amounts: str, delimiter: str = ";", currency: str = "", **options: Any) -> Read:
    rows = "".join(
        delimiter.join([str(n), f"C{n}", "2026-09-01", amount, currency]) + "\n"
        for n, amount in enumerate(amounts)
    )
    header = delimiter.join(("order_id", "customer_id", "order_date", "order_amount", "currency"))
    return read(f"{header}\n{rows}", **options)


def amounts_of(found: Read) -> list[Decimal]:
    return [Decimal(text) for text in found.rows["order_amount"].to_list()]


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (["03/04/2026", "25/04/2026"], ["2026-04-03", "2026-04-25"]),
        (["03/04/2026", "04/25/2026"], ["2026-03-04", "2026-04-25"]),
        (["03-04-2026", "04-25-2026"], ["2026-03-04", "2026-04-25"]),
        (["03042026", "04252026"], ["2026-03-04", "2026-04-25"]),
        (["03042026", "25042026"], ["2026-04-03", "2026-04-25"]),
        (["3/4/26", "25/4/26 10:30"], ["2026-04-03", "2026-04-25"]),
        (["03/04/2026 9:15 PM", "09/26/2026 11:00 PM"], ["2026-03-04", "2026-09-26"]),
    ],
)
def test_one_date_that_has_one_reading_decides_for_all(dates: list[str], days: list[str]) -> None:
    found = with_dates(*dates)
    assert (days_of(found), found.questions) == (days, {})
    assert found.layout.learned == {"date_order": "dmy" if days[0] == "2026-04-03" else "mdy"}


@pytest.mark.parametrize(
    "dates", [["03/04/2026"], ["3-4-26", "5-6-26"], ["01/02/2026", "02/02/2026"]]
)
def test_dates_that_can_be_read_in_both_ways_are_a_question(dates: list[str]) -> None:
    found = with_dates(*dates)
    question = found.questions["date_order"]
    assert {choice.value for choice in question.choices} == {"dmy", "mdy"}
    assert dates[0] in question.found
    assert found.layout.learned == {}
    for answer, first in (("dmy", "%d/%m"), ("mdy", "%m/%d")):
        answered = with_dates(*dates, answers={"date_order": answer})
        assert answered.questions == {}
        moment = answered.rows["order_date"].to_list()[0]
        assert f"{moment:{first}/%Y}" == f"{_full(dates[0])}"


def _full(text: str) -> str:
    first, second, year = (int(part) for part in text.replace("-", "/").split("/"))
    return f"{first:02}/{second:02}/{year + 2000 if year < 100 else year}"


@pytest.mark.parametrize(
    ("shipped", "day", "told"),
    [
        (["10/18/2026", "10/12/2026"], "2026-10-11", True),
        (["18/11/2026", ""], "2026-11-10", True),
        (["18-11-26 14:00", "19-11-26"], "2026-11-10", True),
        (["10/12/2026", "11/12/2026"], "2026-11-10", False),  # can be read in both ways as well
        (["10/18/2026", "18/10/2026"], "2026-11-10", False),  # both orders
        (["18112026", "19112026"], "2026-11-10", False),  # may be any number
        (["10/18/2026", "soon"], "2026-11-10", False),  # no column of dates
    ],
)
def test_a_column_that_is_not_read_proves_the_order_too(
    shipped: list[str], day: str, told: bool
) -> None:
    rows = "".join(f"{n},C{n},10/11/2026,10.00,{at}\n" for n, at in enumerate(shipped))
    found = read(f"order_id,customer_id,order_date,order_amount,ship_day\n{rows}")
    assert days_of(found)[0] == day
    assert ("date_order" in found.questions) is not told
    notes = [one["text"] for one in found.layout.mapping.told if one["about"] == "date_order"]
    notes += [one["text"] for one in found.layout.notes["told"] if one["about"] == "date_order"]
    assert any("other columns" in text for text in notes) is told


def test_the_choices_say_which_days_are_meant() -> None:
    labels = [choice.label for choice in with_dates("03/04/2026").questions["date_order"].choices]
    assert "3 April 2026" in labels[0]
    assert "4 March 2026" in labels[1]


def test_what_earlier_files_of_the_header_proved_is_told() -> None:
    found = with_dates("03/04/2026", learned={"date_order": "mdy"})
    assert (days_of(found), found.questions) == (["2026-03-04"], {})
    [told] = [note["text"] for note in found.told if note["about"] == "date_order"]
    assert "earlier files" in told


def test_what_a_file_proves_goes_before_what_others_did() -> None:
    found = with_dates("25/04/2026", "03/04/2026", learned={"date_order": "mdy"})
    assert days_of(found) == ["2026-04-25", "2026-04-03"]


def test_no_order_lies_in_the_future() -> None:
    """Read in November 2026: 12/05 and 12/06 would be in December with the month first."""
    found = with_dates("12/05/2026", "12/06/2026")
    assert (days_of(found), found.questions) == (["2026-05-12", "2026-06-12"], {})
    [told] = [note["text"] for note in found.told if note["about"] == "date_order"]
    assert "future" in told


def test_dates_that_follow_one_another_speak_for_an_order_and_it_asks_all_the_same() -> None:
    question = with_dates("09/11/2026", "10/01/2026", "11/02/2026").questions["date_order"]
    assert question.proposal == "mdy"
    question = with_dates("11/09/2026", "01/10/2026", "02/11/2026").questions["date_order"]
    assert question.proposal == "dmy"


def test_the_operators_setting_answers_and_is_told() -> None:
    found = with_dates("03/04/2026", date_order="mdy")
    assert (days_of(found), found.questions) == (["2026-03-04"], {})
    assert any("RFM_DATE_ORDER" in note["text"] for note in found.told)


def test_files_that_need_no_order_ask_nothing() -> None:
    for dates in (["2026-09-01"], ["01.02.2026"], ["05/05/2026"], ["3 Apr 2026"], ["2026/03/04"]):
        found = with_dates(*dates)
        assert (found.questions, found.layout.learned) == ({}, {})


def test_two_orders_in_one_file_refuse_it_with_what_to_do() -> None:
    with pytest.raises(RefusedError, match="split the file") as caught:
        with_dates("25/04/2026", "04/26/2026")
    assert caught.value.reason == "mixed_date_order"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("amounts", "values"),
    [
        (["1.250.000", "150.000", "75.000"], ["1250000", "150000", "75000"]),
        (["1250.500", "150.000"], ["1250.5", "150"]),
        (["0.500", "12.250"], ["0.5", "12.25"]),
        (["150.000", "75.5"], ["150", "75.5"]),
    ],
)
def test_one_amount_that_has_one_reading_decides_for_all(
    amounts: list[str], values: list[str], delimiter: str
) -> None:
    found = with_amounts(*amounts, delimiter=delimiter)
    assert (amounts_of(found), found.questions) == ([Decimal(value) for value in values], {})


@pytest.mark.parametrize(
    ("amounts", "values"),
    [
        (["1.234,50", "150,000"], ["1234.5", "150"]),
        (["12,5", "1.250"], ["12.5", "1250"]),
        (["1,23,456", "12,345"], ["123456", "12345"]),
        (["1,250,000", "150,000"], ["1250000", "150000"]),
    ],
)
def test_commas_are_proved_as_points_are(amounts: list[str], values: list[str]) -> None:
    found = with_amounts(*amounts)
    assert (amounts_of(found), found.questions) == ([Decimal(value) for value in values], {})


@pytest.mark.parametrize("amounts", [["150.000", "75.000"], ["12,500"], ["€ 1.250", "€ 3.000"]])
def test_one_mark_before_three_digits_is_a_question(amounts: list[str]) -> None:
    found = with_amounts(*amounts)
    question = found.questions["decimal_mark"]
    mark = "," if "," in amounts[0] else "."
    digits = amounts[0].strip("€ ").replace(mark, "")
    thousands = with_amounts(*amounts, answers={"decimal_mark": "." if mark == "," else ","})
    decimals = with_amounts(*amounts, answers={"decimal_mark": mark})
    assert amounts_of(thousands)[0] == Decimal(digits)
    assert amounts_of(decimals)[0] == Decimal(digits) / 1000
    assert (thousands.questions, decimals.questions) == ({}, {})
    assert {choice.value for choice in question.choices} == {".", ","}


def test_a_currency_without_fractions_has_thousands_only() -> None:
    for currency in ("IDR", "JPY", "krw"):
        found = with_amounts("150.000", "75.000", currency=currency)
        assert (amounts_of(found), found.questions) == ([150000, 75000], {})
        assert any(currency.upper() in note["text"] for note in found.told)


def test_small_amounts_without_a_mark_speak_for_thousands() -> None:
    found = with_amounts("1.200", "950", "2.300")
    assert (amounts_of(found), found.questions) == ([1200, 950, 2300], {})
    assert any(note["about"] == "decimal_mark" for note in found.told)


def test_both_marks_for_decimals_refuse_the_file_with_what_to_do() -> None:
    with pytest.raises(RefusedError, match="split the file") as caught:
        with_amounts("1.5", "1,5", "2,25")
    assert caught.value.reason == "mixed_decimals"


def test_eight_digits_with_the_year_behind_are_asked_about_where_day_and_month_are_open() -> None:
    found = with_dates("03042026", "05062026")
    assert found.questions["date_order"].proposal == "dmy"
    assert days_of(with_dates("03042026", answers={"date_order": "mdy"})) == ["2026-03-04"]
