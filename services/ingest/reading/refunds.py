"""The columns that say how much of an order's amount was paid back, and when it was cancelled."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from ingest.reading.mapping import MAPPING_TOML, OWN_COLUMNS
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.names import words
from ingest.reading.questions import Choice, Question
from ingest.reading.vocabulary import vocabulary
from rfm_common.models import MONEY_DIGITS, MONEY_SCALE, Kind

ABOUT = "refunded"
"""The key of the question whether the amounts are without the refunds already."""
SUBTRACT, INCLUDED = "subtract", "included"
_TAKEN_OFF = "what {!r} says was paid back is taken off {!r}"
_CANCELLED = "an order with a date in {!r} is cancelled"
_NET = frozenset({"net", "netto", "neto", "nett", "netta", "liquido", "нетто"})
_MONEY = pl.Decimal(MONEY_DIGITS, MONEY_SCALE)


def with_refunds(
    mapping: Meaning,
    headers: Sequence[str],
    sample: Sequence[Sequence[str]],
    answers: Mapping[str, str],
) -> tuple[Meaning, tuple[Question, ...]]:
    """The mapping, with these columns where there are any, or the question about the first.

    A known export and a mapping.toml name theirs, and nothing else is looked for.
    """
    if mapping.source != OWN_COLUMNS:
        _tell_named(mapping, headers)
        return mapping, ()
    mapping = _with_cancellations(mapping, headers)
    at, amount = _column(mapping, "refunded", headers), mapping.columns.get("order_amount")
    if at is None or amount is None:
        return mapping, ()
    name, total = headers[at].strip(), headers[amount].strip()
    cells = [row[at].strip() for row in sample if len(row) == len(headers)]
    if not all(_looks_like_money(cell) for cell in cells):
        _tell(mapping, f"the column {name!r} holds no amounts: no refund was read from it")
        return mapping, ()
    answer = answers.get(ABOUT)
    if _NET & set(words(total)) and answer is None:
        return mapping, (_question(name, total),)
    if answer == INCLUDED:
        return mapping, ()
    _tell(mapping, _TAKEN_OFF.format(name, total))
    return _using(mapping, "refunded", at, name), ()


def _tell_named(mapping: Meaning, headers: Sequence[str]) -> None:
    """Tell what a known export says of these columns; a mapping.toml's author knows."""
    if mapping.source == MAPPING_TOML:
        return
    named = {ours: headers[at].strip() for ours, at in mapping.columns.items()}
    if "cancelled_at" in named:
        _tell(mapping, _CANCELLED.format(named["cancelled_at"]))
    if "refunded" in named:
        _tell(mapping, _TAKEN_OFF.format(named["refunded"], named["order_amount"]))


def _with_cancellations(mapping: Meaning, headers: Sequence[str]) -> Meaning:
    at = _column(mapping, "cancelled_at", headers)
    if at is None:
        return mapping
    name = headers[at].strip()
    _tell(mapping, _CANCELLED.format(name))
    return _using(mapping, "cancelled_at", at, name)


def _using(mapping: Meaning, ours: str, at: int, name: str) -> Meaning:
    ignored = [other for other in mapping.ignored if other != name]
    return replace(mapping, columns=mapping.columns | {ours: at}, ignored=ignored)


def is_filled(cells: pl.Series) -> pl.Series:
    """Where a date stands: neither nothing nor a word or a date for nothing."""
    return cells.str.contains("[1-9]")


def _column(mapping: Meaning, ours: str, headers: Sequence[str]) -> int | None:
    """The best-named column of this meaning that is nothing else."""
    if mapping.kind is not Kind.ORDERS:
        return None
    grades = {at: vocabulary().grade(Kind.ORDERS, ours, name)
              for at, name in enumerate(headers) if at not in mapping.columns.values()}  # fmt: skip
    best = max(grades, key=lambda at: grades[at], default=None)
    return best if best is not None and grades[best] else None


def _looks_like_money(cell: str) -> bool:
    return not cell or re.search(r"\d", cell) is not None


def _tell(mapping: Meaning, text: str) -> None:
    mapping.told.append({"about": ABOUT, "text": text})


def _question(name: str, total: str) -> Question:
    return Question(
        about=ABOUT,
        text=f"Is {total!r} the amount after refunds, or must {name!r} still be taken off?",
        found=f"the columns {total!r} and {name!r}",
        proposal=INCLUDED,
        choices=(
            Choice(INCLUDED, "It is the amount after refunds: take it as it is"),
            Choice(SUBTRACT, "It is the amount before refunds: take them off"),
        ),
    )


def kept(amounts: pl.Series, refunds: pl.Series) -> tuple[pl.Series, pl.Series]:
    """What was kept of each amount, as exact text, and which orders were paid back in full.

    One of those keeps its amount, because its status says that it does not count. A refund may be
    written with or without a minus; a row that is a refund itself stays as it is.
    """
    frame = pl.DataFrame({"text": amounts, "refund": refunds}).with_columns(
        amount=pl.col("text").cast(_MONEY, strict=False),
        refund=pl.col("refund").cast(_MONEY, strict=False).abs().fill_null(0),
    )
    is_refunded = (pl.col("refund") > 0) & (pl.col("amount") > 0)
    is_whole = (is_refunded & (pl.col("refund") >= pl.col("amount"))).fill_null(value=False)
    rest = (pl.col("amount") - pl.col("refund")).cast(pl.String)
    found = frame.select(
        amount=pl.when(is_refunded & ~is_whole).then(rest).otherwise("text"), whole=is_whole
    )
    return found["amount"], found["whole"]
