"""Amounts are read exactly, or refused: never rounded, never guessed."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reading.amounts import AmountStyle, read_amounts
from ingest.reading.currencies import named_in

POINT = AmountStyle(".", ",")
PROVEN_POINT = AmountStyle(".", "")
COMMA = AmountStyle(",", "")


def read(text: str, style: AmountStyle = POINT) -> Decimal | str:
    """The amount, or the reason code of why it is refused."""
    values, reasons = read_amounts(pl.Series([text], dtype=pl.String), style)
    return Decimal(values[0]) if reasons is None or reasons[0] is None else str(reasons[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100.00", "100"), ("-5", "-5"), ("+3.5", "3.5"), ("007.50", "7.5"), (".5", "0.5"),
        ("10.500000", "10.5"), ("12345678901234.5678", "12345678901234.5678"), (" 7 ", "7"),
        ("$1,234.50", "1234.5"), ("-$5.00", "-5"), ("$-5", "-5"), ("€ 5", "5"), ("5 EUR", "5"),
        ("1'234.50", "1234.5"), ("1 234.50", "1234.5"), ("1\u00a0234.50", "1234.5"),
        ("1,234,567.8", "1234567.8"), ("0", "0"), ("-0.00", "0"),
    ],
)  # fmt: skip
def test_a_point_marks_decimals(text: str, value: str) -> None:
    assert read(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12,50", "12.5"), ("1.234,50", "1234.5"), ("1.234", "1234"), ("1,234", "1.234"),
     ("1 234,50", "1234.5"), ("-7", "-7")],
)  # fmt: skip
def test_a_comma_marks_decimals_where_the_file_proves_it(text: str, value: str) -> None:
    assert read(text, COMMA) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "amount_empty"), ("  ", "amount_empty"), ("abc", "amount_not_a_number"),
        ("1e500", "amount_not_a_number"), ("inf", "amount_not_a_number"),
        ("NaN", "amount_not_a_number"), ("--5", "amount_not_a_number"),
        ("5-5", "amount_not_a_number"), ("5.", "amount_not_a_number"),
        ("1,2,345", "amount_not_a_number"), ("100.00.00", "amount_not_a_number"),
        ("1.234,50", "amount_not_a_number"), ("12,50", "amount_not_a_number"),
        ("0x10", "amount_not_a_number"), ("五", "amount_not_a_number"),
        ("n/a", "amount_not_a_number"), ("1E-7", "amount_not_a_number"),
            ("0.123456789012345", "amount_too_precise"), ("1,234", "amount_ambiguous"),
        ("1.23456", "amount_too_precise"), ("123456789012345", "amount_too_large"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_refused(text: str, reason: str) -> None:
    assert read(text) == reason


def test_a_lone_group_of_three_is_read_once_the_file_proves_its_style() -> None:
    assert read("1,234") == "amount_ambiguous"
    assert read("1,234", PROVEN_POINT) == Decimal(1234)
    assert read("1.234", AmountStyle(".", ",.")) == "amount_ambiguous"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(12.00)", "-12"), ("($182.77)", "-182.77"), ("$(63.12)", "-63.12"), ("50.00-", "-50"),
        ("50.00- EUR", "-50"), ("−5.50", "-5.5"), ("- 7", "-7"), ("+12", "12"), ("'-5.00", "-5"),
        ('="12.00"', "12"), ("12.-", "12"), ("1'234.–", "1234"), ("CHF 12.--", "12"),
        ("A$12.00", "12"), ("US$12.00", "12"), ("CA$1,012.00", "1012"),
        ("Rs. 1,23,456.50", "123456.5"), ("12€50", "12.5"), ("100 €", "100"), (" $ -   ", "0"),
        ("-", "0"), ("–", "0"), ("15.299999999999999", "15.3"), ("22.200000000000003", "22.2"),
        ("1e+05", "100000"), ("2.5E+3", "2500"), ("٣", "3"), ("１２", "12"), ("12.50 TL", "12.5"),
        ("12.50 zł", "12.5"), ("Euro 7.10", "7.1"), ("1 234.50 kr", "1234.5"),
        ("1\u202f234.50", "1234.5"),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_a_person_reads_it(text: str, value: str) -> None:
    assert read(text, PROVEN_POINT) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(1.234,50 €)", "-1234.5"),
        ("12,-", "12"),
        ("1.234,50- EUR", "-1234.5"),
        ("7,10 лв", "7.1"),
        ("(12,50) €", "-12.5"),
        ("12€50", "12.5"),
        ("19,989999999999998", "19.99"),
        ("1,2E+3", "1200"),
    ],
)
def test_the_same_with_decimal_commas(text: str, value: str) -> None:
    assert read(text, COMMA) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["1e30", "-2.5E+99", "1e15", "9" * 30 + ".99999999999", "1" * 5000 + ".00000000000"]
)
@pytest.mark.parametrize("style", [POINT, PROVEN_POINT, COMMA])
def test_an_odd_form_of_an_amount_that_cannot_be_kept_is_refused(
    text: str, style: AmountStyle
) -> None:
    assert isinstance(read(text, style), str)


def test_only_unmistakable_signs_name_a_currency() -> None:
    signs = named_in(pl.Series(["€ 5", "$5", "5 usd", "£1", "7", "R$ 3"]))
    assert signs.to_list() == ["EUR", "", "USD", "GBP", "", "BRL"]


amounts = st.decimals(
    min_value=-(10**14) + 1, max_value=10**14 - 1, places=4, allow_nan=False, allow_infinity=False
)


@settings(max_examples=40, deadline=None)
@given(st.lists(amounts, min_size=1, max_size=20))
def test_every_amount_that_fits_survives_in_every_spelling(values: list[Decimal]) -> None:
    swap = str.maketrans(",.", ".,")
    plain = [f"{value:f}" for value in values]
    grouped = [f"{value:,f}" for value in values]
    for cells, style in ((plain, POINT), (grouped, PROVEN_POINT),
                         ([text.translate(swap) for text in grouped], COMMA)):  # fmt: skip
        read_back, reasons = read_amounts(pl.Series(cells), style)
        assert reasons is None or reasons.null_count() == len(values)
        assert [Decimal(text) for text in read_back] == values


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=12))
def test_whatever_the_text_it_is_an_exact_number_or_a_reason(text: str) -> None:
    for style in (POINT, PROVEN_POINT, COMMA):
        answer = read(text, style)
        assert isinstance(answer, str) or abs(answer) < 10**14
