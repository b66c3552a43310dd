"""What the cells of a column look like: dates, amounts, addresses, ids or words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

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


@dataclass(frozen=True, slots=True)
class Looks:
    """One column."""

    at: int
    name: str
    example: str
    filled: int
    """Cells that are not blank, of those that were looked at."""
    different: int
    are_dates: bool = False
    are_amounts: bool = False
    have_decimals: bool = False
    """Amounts that have decimals or a currency."""
    are_addresses: bool = False
    are_codes: bool = False
    """Texts with digits and without spaces, or telephone numbers."""
    are_numbers: bool = False
    """Numbers that are short or have a fraction: counts and measures rather than ids."""
    are_words: bool = False
    are_statuses: bool = False
    """Some words, most of them known for statuses of orders."""
    are_currencies: bool = False
    are_payments: bool = False
    """Words for ways to pay."""

    @property
    def repeat(self) -> bool:
        """Whether some stand in several rows."""
        return self.different < self.filled


def look(at: int, name: str, cells: Sequence[str], now: datetime) -> Looks:
    """What these cells of the first rows look like."""
    filled = [cell.strip() for cell in cells[:LOOKED_AT] if cell.strip()]
    found = Looks(at, name, filled[0] if filled else "", len(filled), len(set(filled)))
    if not filled:
        return found
    raw = pl.Series(filled, dtype=pl.String)
    return replace(
        found,
        are_dates=are_dates(raw, now),
        are_amounts=are_amounts(raw)
        and _share(raw.str.contains(_LETTERED) & ~raw.str.contains(_PLAIN)) < 1 - ENOUGH,
        have_decimals=_share(raw.str.contains(_PLAIN)) > 0,
        are_addresses=_share(raw.str.contains(ADDRESS)) >= ENOUGH,
        are_codes=_share(raw.str.contains(_CODE) | raw.str.contains(_PHONE)) >= ENOUGH,
        are_numbers=_share(raw.str.contains(r"^0$|^[1-9][0-9]{0,2}$|^[0-9]+[.,]")) > 1 - ENOUGH,
        are_statuses=_are_statuses(raw),
        are_currencies=all(map(is_currency, filled)),
        are_payments=_share(raw.str.to_lowercase().is_in([*_PAYMENTS])) >= ENOUGH / 2,
        are_words=_share(raw.str.contains(r"^[^0-9@]*\p{L}{2}[^0-9@]*$")) >= ENOUGH,
    )


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
