"""Numbers, money and dates as the reader's language writes them. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel import dates as babel_dates
from babel import numbers as babel_numbers
from babel.dates import format_datetime, format_timedelta

from rfm_common.words import agreeing

Figure = int | float | Decimal
KEPT = 8192
"""Formatted figures: a page has a hundred, most of them again at its next refresh."""
format_compact_currency = lru_cache(KEPT)(babel_numbers.format_compact_currency)
format_currency = lru_cache(KEPT)(babel_numbers.format_currency)
format_decimal = lru_cache(KEPT)(babel_numbers.format_decimal)
format_percent = lru_cache(KEPT)(babel_numbers.format_percent)
format_date = lru_cache(KEPT)(babel_dates.format_date)
format_skeleton = lru_cache(KEPT)(babel_dates.format_skeleton)
DEFAULT_LOCALE = Locale("en", "GB")
NONE = "–"
"""What a table shows where there is no number."""


def choose_locale(accept_language: str) -> Locale:
    """The first language of an Accept-Language header that Babel knows, British English else.

    The header lists languages in order of weight in every browser, so weights are not sorted.
    """
    for part in accept_language.split(","):
        name = part.split(";")[0].strip()
        try:
            return Locale.parse(name, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return DEFAULT_LOCALE


@dataclass(frozen=True, slots=True)
class Numbers:
    """How this reader sees figures: language, shop's zone and the currency of the run."""

    locale: Locale
    zone: ZoneInfo
    currency: str | None = None

    def of(self, currency: str | None) -> "Numbers":
        """The same, for amounts of another currency."""
        return replace(self, currency=currency) if currency else self

    def count(self, value: Figure | None) -> str:
        """A whole number with separators."""
        return NONE if value is None else format_decimal(value, "#,##0", locale=self.locale)

    def some(self, number: int, noun: str) -> str:
        """A count with its noun, such as `1 customer`; for nouns that take an s."""
        return f"{self.count(number)} {agreeing(number, noun)}"

    def decimal(self, value: Figure | None, digits: int = 1) -> str:
        """A number with a fixed count of decimals."""
        pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
        return NONE if value is None else format_decimal(value, pattern, locale=self.locale)

    def few(self, value: float) -> str:
        """A mean of something counted, with one decimal; a small one is not shown as nothing."""
        return f"fewer than {self.decimal(0.1)}" if 0 < value <= 0.05 else self.decimal(value)

    def money(self, value: Figure | None, currency: str | None = None) -> str:
        """An amount: whole units from 100 on, with cents below."""
        if value is None:
            return NONE
        return self._currency(value, currency, whole=abs(float(value)) >= 100)

    def exact_money(self, value: Figure | None, currency: str | None = None) -> str:
        """An amount with its cents."""
        return NONE if value is None else self._currency(value, currency, whole=False)

    def _currency(self, value: Figure, currency: str | None, *, whole: bool) -> str:
        code = currency or self.currency
        if not code:
            return self.decimal(value, 0 if whole else 2)
        if not whole:
            return format_currency(value, code, locale=self.locale)
        pattern = re.sub(r"\.0+", "", self.locale.currency_formats["standard"].pattern)
        return format_currency(value, code, pattern, locale=self.locale, currency_digits=False)

    def short_money(self, value: Figure | None) -> str:
        """An amount for a card: `€1.2M`."""
        if value is None or not self.currency or abs(float(value)) < 1_000_000:
            return self.money(value)
        return format_compact_currency(value, self.currency, locale=self.locale, fraction_digits=1)

    def percent(self, share: float | None) -> str:
        """A share between 0 and 1 with one decimal; a small one is not shown as nothing."""
        if share is None:
            return NONE
        if 0 < share < 0.001:
            return f"< {format_percent(0.001, '0.0%', locale=self.locale)}"
        return format_percent(share, "0.0%", locale=self.locale)

    def times(self, factor: float | None) -> str:
        """A multiple: `1.7 ×`."""
        return NONE if factor is None else f"{self.decimal(factor)} ×"

    def signed(self, value: Figure) -> str:
        """A whole number with its sign."""
        return format_decimal(value, "+#,##0;−#,##0", locale=self.locale) if value else "0"

    def signed_percent(self, share: float) -> str:
        """A relative change with its sign."""
        return format_percent(share, "+0.0%;−0.0%", locale=self.locale)

    def day(self, moment: datetime | date | None) -> str:
        """A date in the shop's zone: `22 Nov 2026`."""
        if moment is None:
            return NONE
        local = moment.astimezone(self.zone).date() if isinstance(moment, datetime) else moment
        return format_date(local, "medium", locale=self.locale)

    def month(self, month: date) -> str:
        """A month by one of its days: `Nov 2026`."""
        return format_skeleton("yMMM", month, locale=self.locale)

    def moment(self, moment: datetime | None) -> str:
        """Date and time in the shop's zone."""
        if moment is None:
            return NONE
        return format_datetime(moment.astimezone(self.zone), "medium", locale=self.locale)

    def ago(self, moment: datetime, now: datetime) -> str:
        """How long ago, in the language of the pages' words."""
        return format_timedelta(moment - now, add_direction=True, locale=DEFAULT_LOCALE)

    def seconds(self, value: float | None) -> str:
        """A duration: `0.8 s`, `14 s`, `3 min`."""
        if value is None:
            return NONE
        if value >= 120:
            return f"{self.count(round(value / 60))} min"
        return f"{self.decimal(value, 0 if value >= 10 else 1)} s"

    def size(self, value: int) -> str:
        """A file size in decimal units."""
        for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
            if value >= factor:
                return f"{self.decimal(value / factor)} {unit}"
        return f"{self.count(value)} B"

    @property
    def separators(self) -> str:
        """Decimal and group separator, as Plotly's `layout.separators` wants them."""
        symbols = self.locale.number_symbols["latn"]
        return f"{symbols['decimal']}{symbols['group']}"
