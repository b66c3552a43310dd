"""Signs, codes and names of currencies, and what they mean."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product

import polars as pl
from babel.numbers import get_currency_name, list_currencies

from ingest.reading.calendar_words import LANGUAGES
from ingest.reading.questions import Choice, Question

OF_SIGN = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₺": "TRY", "₽": "RUB", "₩": "KRW", "₪": "ILS", "₫": "VND",
    "₴": "UAH", "฿": "THB", "₱": "PHP", "₦": "NGN", "₵": "GHS", "₲": "PYG", "₸": "KZT", "₾": "GEL",
    "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "lei": "RON", "лв": "BGN", "руб": "RUB", "руб.": "RUB",
    "грн": "UAH", "TL": "TRY", "Rp": "IDR", "RM": "MYR", "Dhs": "AED", "円": "JPY", "元": "CNY",
    "원": "KRW", "R$": "BRL", "US$": "USD", "U$S": "USD", "C$": "CAD", "CA$": "CAD", "CDN$": "CAD",
    "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "SG$": "SGD", "MX$": "MXN",
    "NT$": "TWD", "CN¥": "CNY", "JP¥": "JPY", "Euro": "EUR", "euro": "EUR", "EURO": "EUR",
}  # fmt: skip
"""Signs and words that mean one currency."""

SEVERAL = {
    "$": ("USD", "CAD", "AUD", "MXN", "NZD", "SGD", "HKD"), "¥": ("JPY", "CNY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"), "kr.": ("DKK", "NOK", "SEK", "ISK"),
    "Rs": ("INR", "PKR", "LKR", "NPR"), "Rs.": ("INR", "PKR", "LKR", "NPR"),
    "Fr.": ("CHF", "XOF"), "Fr": ("CHF", "XOF"), "R": ("ZAR",), "Bs": ("BOB", "VES"),
}  # fmt: skip
"""Signs that mean several: beside an amount they say nothing, in a column of currencies they are
a question."""

SHOP = "shop"
"""The answer that a sign means the shop's own currency."""
ABOUT = "currency."
"""Begins the key of the question about a sign."""


@cache
def pattern() -> str:
    """A regular expression for what may stand beside an amount."""
    signs = sorted({*OF_SIGN, *SEVERAL}, key=lambda sign: (-len(sign), sign))
    return "|".join([*map(re.escape, signs), "[A-Za-z]{3}"])


def code_of(text: str, told: Mapping[str, str]) -> str | None:
    """The code of a sign, code or name; empty for the shop's currency, None when nobody knows."""
    word = text.strip()
    if not word or told.get(word) == SHOP:
        return ""
    if word in told:
        return told[word]
    if len(word) == 3 and word.isascii() and word.isalpha():
        return word.upper()
    return OF_SIGN.get(word) or OF_SIGN.get(word.upper()) or _names().get(_plain(word))


@cache
def _names() -> dict[str, str]:
    """The names that CLDR has for currencies in our languages; those of two currencies left out."""
    found: dict[str, set[str]] = {}
    for language, code in product(LANGUAGES, list_currencies("en")):
        for count in (None, 1, 2, 5):
            name = get_currency_name(code, count, language)
            found.setdefault(_plain(name), set()).add(code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace(".", "").split())


def codes(different: Iterable[str], told: Mapping[str, str]) -> dict[str, str | None]:
    """The code of each of the different texts of a column."""
    return {text: code_of(text, told) for text in different}


def ask(different: Iterable[str], told: Mapping[str, str]) -> list[Question]:
    """A question for each sign that means several currencies."""
    open_ones = sorted({text.strip() for text in different} & set(SEVERAL) - set(told))
    return [
        Question(
            about=ABOUT + sign,
            text=f"Which currency does {sign!r} mean?",
            found=f"{sign!r} in the currency column; several currencies use it",
            proposal=SHOP,
            choices=(
                Choice(SHOP, "The shop's own currency"),
                *(Choice(code, code) for code in SEVERAL[sign]),
            ),
        )
        for sign in open_ones
    ]


def named_in(amounts: pl.Series) -> pl.Series:
    """The currency that an amount itself names, by code or by a sign of one; else empty."""
    found = amounts.str.extract(rf"({pattern()})").fill_null("")
    different = {sign: code_of(sign, {}) or "" for sign in found.unique()}
    return found.replace_strict(different, return_dtype=pl.String)
