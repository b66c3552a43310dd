from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from gateway.kit.numbers import Numbers, choose_locale

BERLIN = ZoneInfo("Europe/Berlin")
BRITISH = Numbers(Locale("en", "GB"), ZoneInfo("UTC"), "EUR")
GERMAN = Numbers(Locale("de", "DE"), BERLIN, "EUR")


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "en_GB"),
        ("de-DE,de;q=0.9,en;q=0.8", "de_DE"),
        ("fr", "fr"),
        ("*", "en_GB"),
        ("xx-YY, da", "da"),
        ("'; DROP TABLE customers", "en_GB"),
        ("en-US-x-" + "a" * 5000, "en_GB"),
    ],
)
def test_the_first_known_language_of_the_header_counts(header: str, locale: str) -> None:
    assert str(choose_locale(header)) == locale


def test_figures_are_written_as_the_reader_does() -> None:
    assert BRITISH.count(1234567) == "1,234,567"
    assert GERMAN.count(1234567) == "1.234.567"
    assert BRITISH.money(Decimal("1234567.5")) == "€1,234,568"
    assert GERMAN.money(Decimal("1234567.5")) == "1.234.568\xa0€"
    assert BRITISH.separators == ".,"
    assert GERMAN.separators == ",."


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.0"), (0.02, "fewer than 0.1"), (0.05, "fewer than 0.1"), (4.04, "4.0")],
)
def test_a_few_orders_are_not_shown_as_none(value: float, words: str) -> None:
    assert BRITISH.few(value) == words


def test_small_amounts_keep_their_cents() -> None:
    assert BRITISH.money(Decimal("99.5")) == "€99.50"
    assert BRITISH.money(100) == "€100"
    assert BRITISH.exact_money(Decimal("1234.50")) == "€1,234.50"


def test_an_amount_in_another_currency_says_so() -> None:
    assert BRITISH.exact_money(5, "USD") == "US$5.00"
    assert BRITISH.of("JPY").money(12345) == "JP¥12,345"


def test_without_a_currency_an_amount_is_a_plain_number() -> None:
    assert Numbers(Locale("en", "GB"), BERLIN).money(Decimal("12.5")) == "12.50"


def test_cards_shorten_from_a_million_on() -> None:
    assert BRITISH.short_money(999_999) == "€999,999"
    assert BRITISH.short_money(1_234_567) == "€1.2M"


def test_a_small_share_is_not_shown_as_nothing() -> None:
    assert BRITISH.percent(0.0004) == "< 0.1%"
    assert BRITISH.percent(0) == "0.0%"
    assert BRITISH.percent(0.1286) == "12.9%"
    assert BRITISH.percent(None) == "–"


def test_days_are_those_of_the_shop() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert BRITISH.day(late) == "22 Nov 2026"
    assert GERMAN.day(late) == "23.11.2026"
    assert BRITISH.day(None) == "–"


def test_changes_carry_their_sign() -> None:
    assert BRITISH.signed(1200) == "+1,200"
    assert BRITISH.signed(-5) == "−5"
    assert BRITISH.signed(0) == "0"
    assert BRITISH.signed_percent(-0.021) == "−2.1%"


def test_durations_sizes_and_times_ago() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert BRITISH.seconds(0.84) == "0.8 s"
    assert BRITISH.seconds(14.2) == "14 s"
    assert BRITISH.seconds(180) == "3 min"
    assert BRITISH.size(17) == "17 B"
    assert BRITISH.size(41_200_000) == "41.2 MB"
    assert GERMAN.ago(now - timedelta(minutes=4), now) == "4 minutes ago"
