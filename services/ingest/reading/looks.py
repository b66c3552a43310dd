"""What the cells of a column look like: dates, amounts, addresses, ids or words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import polars as pl

from ingest.reading.amount_forms import usual
from ingest.reading.amounts import AmountStyle, read_amounts
from ingest.reading.dates import read_dates
from ingest.reading.names import CURRENCIES, is_currency
from ingest.reading.statuses import clean, meaning
from rfm_common.identity import ADDRESS

LOOKED_AT = 300
"""Cells of a column that are looked at."""
_STATUSES = 20
"""Different words that a column of statuses has at most."""
ENOUGH = 0.95
"""The share of cells that has to look alike."""
_EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
"""Orders are younger; people may be born before."""
_COIN = "|".join(sorted(CURRENCIES))
_PLAIN = rf"[.,][0-9]{{1,2}}(?:\D|$)|\p{{Sc}}|[\s0-9](?:{_COIN})$|^(?:{_COIN})[\s0-9]"
"""What only amounts have: decimals, or a currency."""
_CODE = r"^[^\s@]*[0-9][^\s@]*$"
_LETTERED = r"^\p{L}+[-_]?[0-9]+$"
"""Ids, although a letter may be a currency."""
_PHONE = r"^(?:\+|0|\()[0-9 ()/.-]{6,}$"
_PAYMENTS = frozenset({
    "cash", "card", "credit card", "debit card", "visa", "mastercard", "amex", "paypal", "klarna",
    "stripe", "invoice", "bank transfer", "kort", "kontant", "swish", "bar", "karte", "ec",
    "ec-karte", "kreditkarte", "rechnung", "lastschrift", "vorkasse", "überweisung", "carte",
    "espèces", "chèque", "virement", "tarjeta", "efectivo", "transferencia", "carta", "contanti",
    "bonifico", "pin", "ideal", "contant", "karta", "gotówka", "przelew", "hotově", "pix",
    "boleto", "cartão", "dinheiro", "nakit", "kart", "наличные", "карта", "現金", "カード",
    "支付宝",
})  # fmt: skip
_VALUE = re.compile(r"@|[0-9][.,:/-] ?[0-9]")
_ADDRESS = re.compile(ADDRESS)
_AMOUNT = re.compile(r"[^A-Za-z@]*[0-9][.,][0-9]{2}[^A-Za-z@]*")


@dataclass(frozen=True)
class Looks:
    """One column; each question is answered when it is asked, because most are not."""

    at: int
    name: str
    cells: list[str]
    """Those of the first rows that are not blank."""
    now: datetime

    @property
    def example(self) -> str:
        """The first cell."""
        return self.cells[0] if self.cells else ""

    @property
    def filled(self) -> int:
        """Cells that are not blank, of those that were looked at."""
        return len(self.cells)

    @cached_property
    def different(self) -> int:
        """Cells that are not the same as another."""
        return len(set(self.cells))

    @property
    def repeat(self) -> bool:
        """Whether some stand in several rows."""
        return self.different < self.filled

    @cached_property
    def are_dates(self) -> bool:
        """Whether they are days on which orders may have come."""
        return bool(self.cells) and are_dates(self._raw, self.now)

    @cached_property
    def are_amounts(self) -> bool:
        """Whether they are amounts, and not ids that begin as a currency does."""
        lettered = self._raw.str.contains(_LETTERED) & ~self._raw.str.contains(_PLAIN)
        return bool(self.cells) and _share(lettered) < 1 - ENOUGH and are_amounts(self._raw)

    @cached_property
    def have_decimals(self) -> bool:
        """Amounts that have decimals or a currency."""
        return self._share(_PLAIN) > 0

    @cached_property
    def are_addresses(self) -> bool:
        """Whether they are e-mail addresses."""
        return self._share(ADDRESS) >= ENOUGH

    @cached_property
    def are_codes(self) -> bool:
        """Texts with digits and without spaces, or telephone numbers."""
        return _share(self._raw.str.contains(_CODE) | self._raw.str.contains(_PHONE)) >= ENOUGH

    @cached_property
    def are_numbers(self) -> bool:
        """Numbers that are short or have a fraction: counts and measures rather than ids."""
        return self._share(r"^0$|^[1-9][0-9]{0,2}$|^[0-9]+[.,]") > 1 - ENOUGH

    @cached_property
    def are_words(self) -> bool:
        """Whether they have letters, and neither digits nor an @."""
        return self._share(r"^[^0-9@]*\p{L}{2}[^0-9@]*$") >= ENOUGH

    @cached_property
    def are_statuses(self) -> bool:
        """Some words, most of them known for statuses of orders."""
        return bool(self.cells) and _are_statuses(self._raw)

    @cached_property
    def are_currencies(self) -> bool:
        """Whether they are codes or signs of currencies."""
        return bool(self.cells) and all(map(is_currency, self.cells))

    @cached_property
    def are_payments(self) -> bool:
        """Words for ways to pay."""
        return _share(self._raw.str.to_lowercase().is_in([*_PAYMENTS])) >= ENOUGH / 2

    @cached_property
    def _raw(self) -> pl.Series:
        return pl.Series(self.cells, dtype=pl.String)

    def _share(self, pattern: str) -> float:
        return _share(self._raw.str.contains(pattern))


def look(at: int, name: str, cells: Sequence[str], now: datetime) -> Looks:
    """What these cells of the first rows look like."""
    return Looks(at, name, [cell.strip() for cell in cells[:LOOKED_AT] if cell.strip()], now)


def _are_statuses(raw: pl.Series) -> bool:
    words = clean(raw).unique().to_list()
    known = sum(bool(word) and not word.isdigit() and meaning(word, {}) is not None
                for word in words)  # fmt: skip
    return len(words) <= _STATUSES and known * 2 > len(words)


def _share(mask: pl.Series) -> float:
    return float(mask.fill_null(value=False).mean() or 0)  # type: ignore[arg-type]


def are_dates(raw: pl.Series, now: datetime) -> bool:
    """Whether texts are days on which orders may have come; numbers only as `20260913`."""
    if _share(raw.str.contains(r"^[0-9]{1,7}$|^[0-9]{9,}$|^[0-9]+[.,][0-9]{1,2}$")) > 1 - ENOUGH:
        return False
    latest = now + timedelta(days=1)
    return any(
        _share(read_dates(raw, "UTC", order, now.year + 1).values.is_between(_EARLIEST, latest))
        >= ENOUGH
        for order in ("dmy", "mdy")
    )


def are_amounts(raw: pl.Series) -> bool:
    """Whether texts are amounts, with decimal points or with decimal commas."""
    texts = usual(raw)
    return any(
        _share(read_amounts(texts, AmountStyle(mark, ""))[0].is_not_null()) >= ENOUGH
        for mark in (".", ",")
    )


def kind_of(cell: str, now: datetime) -> str:
    """What a cell is that no name of a column is: a date, an address, an amount; else empty."""
    text = cell.strip()
    if not _VALUE.search(text):
        return ""
    if _ADDRESS.match(text):
        return "address"
    if _AMOUNT.fullmatch(text):
        return "amount"
    return "date" if are_dates(pl.Series([text]), now) else ""
