"""Names of months and weekdays, and words for zones, as they stand in dates."""

import re
from functools import cache
from itertools import product
from typing import NamedTuple

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "tr", "ru", "ja", "zh")
CONTEXTS, WIDTHS = ("format", "stand-alone"), ("wide", "abbreviated")

_ALSO = {
    "sept": 9, "mrz": 3, "maerz": 3, "jän": 1, "jänner": 1, "sett": 9, "setiembre": 9,
    "juil": 7, "juill": 7, "aout": 8, "fevr": 2, "fev": 2, "dec": 12, "decembre": 12,
}  # fmt: skip
"""Spellings beside CLDR's: of Excel, of Austria, and without their accents."""

ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "cet": 60, "cest": 120, "mez": 60,
    "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "trt": 180, "gst": 240, "pkt": 300,
    "wib": 420, "ict": 420, "hkt": 480, "sgt": 480, "awst": 480, "pht": 480,
    "jst": 540, "kst": 540, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780, "brt": -180,
    "art": -180, "adt": -180, "edt": -240, "est": -300, "cdt": -300,
    "mdt": -360, "mst": -420, "pdt": -420, "pst": -480, "akdt": -480, "akst": -540, "hst": -600,
}  # fmt: skip
"""A word for a zone: its minutes east of UTC. Words with several meanings (BST, CST, IST, AST) are
not among them: a date with one of those is listed, not guessed."""


class Names(NamedTuple):
    """What words in dates mean, all in lower case."""

    months: dict[str, int]
    weekdays: frozenset[str]

    @property
    def month(self) -> str:
        """A pattern of one month's name (a group), longest first."""
        return rf"\b({_alternatives(self.months)})\b\.?"

    @property
    def weekday(self) -> str:
        """A pattern of a weekday before a date, with what follows it."""
        return rf"^(?:{_alternatives(self.weekdays)})\b\.?,? *"


def _alternatives(words: "dict[str, int] | frozenset[str]") -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


@cache
def names() -> Names:
    """The names in LANGUAGES; a word that means two months in two languages means none."""
    from babel import Locale  # noqa: PLC0415 - costs time and memory that few files need

    months: dict[str, set[int]] = {}
    weekdays: set[str] = set()
    for language, context, width in product(LANGUAGES, CONTEXTS, WIDTHS):
        locale = Locale(language)
        for number, name in locale.months[context][width].items():
            months.setdefault(_plain(name), set()).add(number)
        weekdays |= {_plain(name) for name in locale.days[context][width].values()}
    found = {
        name: numbers.pop()
        for name, numbers in months.items()
        if len(numbers) == 1 and not name[0].isdigit()
    }
    return Names(_ALSO | found, frozenset(weekdays - found.keys()))


def _plain(name: str) -> str:
    return name.lower().rstrip(".")
