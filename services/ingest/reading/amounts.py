"""Amounts as people and shops write them, to exact decimal text; ambiguous ones are rejected."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import polars as pl

from ingest.reading.amount_forms import usual
from ingest.reading.currencies import named_in, pattern
from rfm_common.models import MONEY_DIGITS, MONEY_SCALE

_WHOLE = MONEY_DIGITS - MONEY_SCALE
_CANONICAL = rf"^-?[0-9]{{1,{_WHOLE}}}(?:\.[0-9]{{1,{MONEY_SCALE}}})?$"
_SPACES = "\u0020\u00a0\u202f\u2009"
_WRITTEN = (
    rf"^([+-]?)[{_SPACES}]*(?:(?:{pattern()})[{_SPACES}]*)?([+-]?)"
    rf"([0-9.,'’{_SPACES}]*[0-9])(?:[{_SPACES}]*(?:{pattern()}))?$"
)


class AmountStyle(NamedTuple):
    """How a file writes fractions: the decimal mark, and whether any value proves it."""

    decimal: Literal[".", ","] = "."
    doubtful: str = ","
    """Marks that, alone before three digits, could be a decimal or a thousands mark."""


PLAIN = AmountStyle()
"""Decimal points, nothing proven otherwise."""


@dataclass(slots=True)
class AmountVotes:
    """Values of a file that can be read in one way only, counted."""

    point: int = 0
    comma: int = 0
    doubtful_point: int = 0
    doubtful_comma: int = 0
    """Values with one mark before exactly three digits: for decimals or for thousands."""
    short: int = 0
    long: int = 0
    """Whole values without any mark, of up to three and of more digits."""
    example: str = ""
    currency: str = ""
    """One that the amounts themselves name."""

    def count(self, raw: pl.Series) -> None:
        """Add the votes of these cells."""
        raw = usual(raw)
        self.point += _matching(raw, *_proofs(".", ","))
        self.comma += _matching(raw, *_proofs(",", "."))
        point, comma = (raw.str.contains(_LONE.format(mark)) for mark in (".", ","))
        self.doubtful_point += int(point.sum())
        self.doubtful_comma += int(comma.sum())
        self.short += _matching(raw, r"^[^0-9.,]*[0-9]{1,3}[^0-9.,]*$")
        self.long += _matching(raw, r"^[^0-9.,]*[0-9]{4,}[^0-9.,]*$")
        doubtful = raw.filter((point | comma).fill_null(value=False))
        if len(doubtful) and not self.example:
            self.example = str(doubtful.str.extract(r"([0-9]+[.,][0-9]+)")[0])
            self.currency = str(named_in(doubtful)[0])

    @property
    def is_proved(self) -> bool:
        """Whether some value can be read in one way only."""
        return bool(self.point or self.comma)

    @property
    def doubtful(self) -> int:
        """How many values can be read in two ways while nothing is proved."""
        return self.doubtful_point + self.doubtful_comma

    @property
    def are_thousands(self) -> bool:
        """Whether only the values from 1,000 on have the mark: decimals would show it, too, in
        smaller ones."""
        return self.doubtful > 1 and self.short > 0 and not self.long

    @property
    def mark(self) -> Literal[".", ","]:
        """The mark of the example."""
        return "," if "," in self.example else "."

    @property
    def style(self) -> AmountStyle:
        """What most values prove; a point where none does."""
        return AmountStyle("," if self.comma > self.point else ".", "")

    @property
    def contradicts_itself(self) -> bool:
        """Whether too many values speak for each side to trust either."""
        return min(self.point, self.comma) > 0.05 * (self.point + self.comma)


_LONE = r"^[^0-9.,]*[1-9][0-9]{{0,2}}[{0}][0-9]{{3}}[^0-9.,]*$"


LONE_POINT = _LONE.format(".")
"""A value whose point may divide thousands."""


def _proofs(decimal: str, thousands: str) -> tuple[str, ...]:
    """Patterns of values in which `decimal` can be nothing else."""
    return (
        rf"[0-9][{thousands}][0-9]{{3}}[{decimal}][0-9]+\D*$",
        rf"^[^{thousands}]*[0-9][{decimal}](?:[0-9]{{1,2}}|[0-9]{{4,}})\D*$",
        rf"^[^0-9.,]*(?:0|[0-9]{{4,}})[{decimal}][0-9]{{3}}\D*$",
        rf"^[^0-9.,]*[0-9]{{1,3}}(?:[{thousands}][0-9]{{2,3}}){{2,}}[^0-9.,]*$",
    )


def _matching(raw: pl.Series, *patterns: str) -> int:
    return sum(int(raw.str.contains(pattern).sum()) for pattern in patterns)


def read_amounts(raw: pl.Series, style: AmountStyle) -> tuple[pl.Series, pl.Series | None]:
    """Exact decimal text (null where it cannot be read) and a reason code (null where it can).

    Returns the very column, and no reasons, when every amount is written plainly.
    """
    is_plain = style.decimal == "." and "." not in style.doubtful
    if is_plain and raw.str.contains(_CANONICAL).all():
        return raw, None
    frame = pl.DataFrame({"raw": usual(raw, style.decimal)}).select(*_steps(style))
    digits = pl.col("digits")
    reason = (
        pl.when(pl.col("raw") == "").then(pl.lit("amount_empty"))
        .when(digits.is_null()).then(pl.lit("amount_not_a_number"))
        .when(pl.col("doubtful")).then(pl.lit("amount_ambiguous"))
        .when(~digits.str.contains(r"^[0-9]*(?:\.[0-9]+)?$") | (digits == ""))
        .then(pl.lit("amount_not_a_number"))
        .when(digits.str.contains(rf"\.[0-9]{{{MONEY_SCALE + 1},}}$"))
        .then(pl.lit("amount_too_precise"))
        .when(digits.str.contains(rf"^[0-9]{{{_WHOLE + 1},}}")).then(pl.lit("amount_too_large"))
    )  # fmt: skip
    done = frame.select(reason=reason, amount=pl.col("sign") + digits)
    amount = done.select(pl.when(pl.col("reason").is_null()).then("amount")).to_series()
    return amount.alias("amount"), done["reason"]


def _steps(style: AmountStyle) -> list[pl.Expr]:
    """Take the parts of each amount apart: sign, digits with a point, whether it is doubtful."""
    parts = pl.col("raw").str.extract_groups(_WRITTEN)
    sign, inner, number = (parts.struct.field(str(index)) for index in (1, 2, 3))
    groups = "".join(mark for mark in ".,'’" if mark != style.decimal)
    decimal = f"[{style.decimal}]"
    grouped = "|".join(
        rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+"
        for mark in (*(f"[{mark}]" for mark in groups), f"[{_SPACES}]")
    )
    if style.decimal == ".":
        grouped += r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"  # lakhs and crores
    sound = number.str.contains(rf"^(?:[0-9]*|{grouped})(?:{decimal}[0-9]+)?$")
    bare = number.str.replace_all(rf"[{groups}{_SPACES}]", "").str.replace(decimal, ".")
    trimmed = (
        bare.str.replace(r"^0+([0-9])", "$1")
        .str.replace(r"(\.[0-9]*?)0+$", "$1").str.replace(r"\.$", "").str.replace(r"^\.", "0.")
    )  # fmt: skip
    lone = rf"^[0-9]{{1,3}}[{style.doubtful}][0-9]{{3}}$" if style.doubtful else r"^\b\B$"
    return [
        pl.col("raw"),
        pl.when((sign + inner).str.len_bytes() <= 1)
        .then((sign + inner).str.replace("+", "", literal=True))
        .alias("sign"),
        pl.when(sound & ((sign + inner).str.len_bytes() <= 1)).then(trimmed).alias("digits"),
        number.str.contains(lone).fill_null(value=False).alias("doubtful"),
    ]
