"""Column names in the form in which they are compared, and the currency that one may tell."""

import re
import unicodedata
from functools import lru_cache

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNIT = re.compile(r"[(\[]([^)\]]*)[)\]]\s*$")
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe", "đ": "d"})

LONGEST = 200
"""Characters of a header that may name a column; comparing takes longer than reading them."""

_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₺": "TRY", "₽": "RUB", "zł": "PLN", "kč": "CZK",
          "r$": "BRL", "us$": "USD"}  # fmt: skip
CURRENCIES = frozenset(
    re.findall(
        "...",
        "AEDARSAUDBDTBGNBRLCADCHFCLPCNYCOPCZKDKKEGPEURGBPHKDHUFIDRILSINRISKJPYKESKRWKWDMADMXNMYR"
        "NGNNOKNZDPENPHPPKRPLNQARRONRSDRUBSARSEKSGDTHBTRYTWDUAHUSDVNDZAR",
    )
)


def normalise(header: str) -> str:
    """A header trimmed, in lower case, with spaces and dashes as underscores."""
    return re.sub(r"[\s\-]+", "_", header.strip().strip("\ufeff").strip().casefold())


def words(header: str) -> list[str]:
    """The words of a header: `TransactionAmount (INR)` is transaction, amount, inr.

    Accents, case, dots, dashes and line breaks do not count; `#` and `№` are a number.
    """
    return list(_known_words(header) if len(header) <= LONGEST else _words(header))


def _words(header: str) -> tuple[str, ...]:
    apart = _HUMP.sub(" ", header.strip("\ufeff \t\r\n").replace("#", " number "))
    plain = unicodedata.normalize("NFKD", apart.casefold().translate(_LETTERS))
    bare = "".join(mark for mark in plain if not unicodedata.combining(mark))
    return tuple(re.findall(r"[^\W_]+", bare.translate(_LETTERS)))


_known_words = lru_cache(2**15)(_words)
"""A header is compared with dozens of names, and a file may have ten thousand."""


def key(header: str) -> str:
    """The words without a gap: headers of one key are one name."""
    return "".join(words(header))


def without_unit(header: str) -> tuple[str, str]:
    """The header without the currency it ends in, and that currency's code, or empty."""
    if found := _UNIT.search(header):
        code = _currency(found.group(1))
        return (header[: found.start()], code) if code else (header, "")
    parts = re.split(r"[\s_]+(?:in[\s_]+)?", header.strip())
    code = _currency(parts[-1]) if len(parts) > 1 else ""
    if not code:
        return header, ""
    return re.sub(rf"[\s_]+(?:in[\s_]+)?{re.escape(parts[-1])}$", "", header.strip()), code


def is_currency(text: str) -> bool:
    """Whether a text is the code of a currency in wide use."""
    return text in CURRENCIES


def _currency(text: str) -> str:
    word = text.strip().removeprefix("in ").strip()
    if word.upper() in CURRENCIES:
        return word.upper()
    return _SIGNS.get(word.casefold(), "")


_TAX = frozenset({
    "tax", "taxes", "vat", "gst", "hst", "btw", "moms", "mva", "mwst", "ust", "iva", "tva", "dph",
    "kdv", "afa", "ндс", "税",
})  # fmt: skip
_WITH = frozenset({
    "incl", "inkl", "inc", "including", "included", "inclusive", "with", "avec", "con", "com",
    "mit", "med", "met", "s", "z", "vcetne", "dahil", "c",
})  # fmt: skip
_WITHOUT = frozenset({
    "excl", "exkl", "ex", "excluding", "exclusive", "without", "sans", "sin", "sem", "ohne",
    "utan", "zonder", "senza", "bez", "haric", "hors",
})  # fmt: skip
_GROSS = frozenset({"gross", "brutto", "bruto", "ttc"})
_NET = frozenset({"net", "netto", "neto", "ht"})


def without_tax(header: str) -> tuple[str, bool | None]:
    """The header without what it says of taxes, and whether they are included; None: it says
    nothing of them."""
    found = words(header)
    said = set(found)
    if _TAX & said:
        gross, net, gone = bool(said & _WITH), bool(said & _WITHOUT), _TAX | _WITH | _WITHOUT
    else:
        gross, net, gone = bool(said & _GROSS), bool(said & _NET), _GROSS | _NET
    bare = " ".join(word for word in found if word not in gone)
    return (bare, gross) if bare and gross != net else (header, None)


_CENTS = frozenset({"cents", "cent", "pence", "centimes", "centavos", "ore", "grosze", "kopecks"})


def without_cents(header: str) -> tuple[str, bool]:
    """The header without the words for a hundredth of a currency, and whether it has one."""
    found = words(header)
    bare = " ".join(word for word in found if word not in _CENTS | {"in"})
    return (bare, True) if bare and _CENTS & set(found) else (header, False)
