"""Forms of amounts that few files have, brought to the usual one before it is read."""

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from ingest.reading.currencies import pattern

_DIGITS = {
    **{chr(zero + digit): str(digit)
       for zero in (0x660, 0x6F0, 0x966, 0xFF10) for digit in range(10)},
    "٫": ".", "٬": ",", "，": ",", "．": ".", "−": "-", "–": "-", "—": "-", "‐": "-", "﹣": "-",
    "－": "-", "（": "(", "）": ")",
}  # fmt: skip
"""Digits and marks of other scripts."""

_GAP = r"[\s\u00a0\u202f\u2009]*"
_DASH = rf"^(?:(?:{pattern()}){_GAP})?[-–—]{_GAP}$"
"""An accountant's zero."""
_FORMS = (
    (r'^="(.*)"$', "$1"),  # what makes a spreadsheet keep the text
    (r"^'", ""),
    (rf"^(.*[0-9])([.,])-+{_GAP}((?:{pattern()})?)$", "$1 $3"),  # 12.- and 12,--
    (rf"^((?:{pattern()})?){_GAP}\({_GAP}(.*[0-9].*)\)$", "-$1$2"),
    (rf"^\({_GAP}(.*[0-9].*)\){_GAP}((?:{pattern()})?)$", "-$1 $2"),
    (rf"^([^-]*[0-9]){_GAP}-{_GAP}((?:{pattern()})?)$", "-$1 $2"),
    (_DASH, "0"),
)

_SIGN_AS_MARK = r"^([0-9]+)([€£$])([0-9]{2})$"
"""12€50: the sign stands where the decimal mark would."""
ROUNDED = r"^-?[0-9]+[.,][0-9]{10,20}$"
"""What a binary fraction leaves of an amount: 15.299999999999999."""
POWER = r"^-?[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}$"
_LARGEST = 10**20
"""From here on nothing is an amount, and rounding would take more digits than decimals have."""
NOISE = 1e-7
"""More than this is no noise but digits that somebody meant."""


def usual(raw: pl.Series, decimal: str = ".") -> pl.Series:
    """The same amounts in the form that most files have, with this decimal mark where the form
    itself has none; other texts as they are."""
    text = pl.col("text").str.replace_many(_DIGITS).str.strip_chars()
    for form, plain in (*_FORMS, (_SIGN_AS_MARK, f"$2$1{decimal}$3")):
        text = text.str.replace(form, plain)
    text = text.str.strip_chars()
    odd = text.str.contains(POWER) | text.str.contains(ROUNDED)
    found = pl.DataFrame({"text": raw}).select(text=text, odd=odd)
    if not found["odd"].any():
        return found["text"]
    return found.select(
        pl.when("odd").then(pl.col("text").map_elements(_rounded, pl.String)).otherwise("text")
    ).to_series()


def _rounded(text: str) -> str:
    """Four decimals, which are what is kept, of a binary fraction or of a power of ten; what has
    more digits than noise stays as it is."""
    mark = "," if "," in text else "."
    value = Decimal(text.replace(",", "."))
    if abs(value) >= _LARGEST:
        return text
    kept = value.quantize(Decimal("0.0001"))
    return f"{kept:f}".replace(".", mark) if abs(value - kept) < NOISE else text


def tell(cells: Sequence[str]) -> list[str]:
    """What the import says of the first amounts that are not what they look like."""
    raw = pl.Series(cells, dtype=pl.String)
    kinds = ((ROUNDED, "rounded to what a binary fraction stands for"), (POWER, "a power of ten"),
             (_DASH, "a dash is zero"))  # fmt: skip
    told = []
    for form, why in kinds:
        found = raw.filter(raw.str.strip_chars().str.contains(form))
        if len(found):
            value = float(usual(found)[0].replace(",", "."))
            told.append(f"{found[0].strip()!r} is read as {value:.2f}: {why}")
    return told
