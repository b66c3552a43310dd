"""Rows of several types in one file: orders, refunds to whom another column names, and others."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ingest.reading.scan import Rows

REASON = "other_type"
"""The reason to list a row that is neither an order nor a refund."""
_MESSAGE = "neither a customer's order nor a refund to one: "
_NEGATIVE = r"^\s*[-(\x{2212}]|-\s*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTypes:
    """Where a row says of what type it is, and what that means; types are in lower case."""

    at: int
    amount: int
    customer: int
    orders: frozenset[str]
    refunds: frozenset[str]
    refund_customer: int
    """The cell that names the customer of a refund."""


def by_type(rows: Rows, types: RowTypes | None) -> Rows:
    """The rows that are orders or refunds, each with its customer; the others among the rejects.

    What the shop paid and what was refunded to it are others: the sign tells.
    """
    if types is None:
        return rows
    kind = pl.col(f"c{types.at}").str.strip_chars().str.to_lowercase()
    is_negative = pl.col(f"c{types.amount}").str.contains(_NEGATIVE)
    is_refund = kind.is_in(types.refunds) & is_negative
    is_read = is_refund | (kind.is_in(types.orders) & ~is_negative)
    others = rows.frame.filter(~is_read).select("line", pl.col(f"c{types.at}"), "raw")
    rejects = [(line, REASON, _MESSAGE + kind.strip(), raw) for line, kind, raw in others.rows()]
    customer = f"c{types.customer}"
    chosen = pl.when(is_refund).then(f"c{types.refund_customer}").otherwise(customer)
    frame = rows.frame.filter(is_read).with_columns(chosen.alias(customer))
    return Rows(frame, [*rows.rejects, *rejects], rows.blank, rows.mended)


def told(messages: Iterable[str]) -> list[dict[str, str]]:
    """What the import says of the rows that were listed with these messages."""
    counted = Counter(message.removeprefix(_MESSAGE) or "no type" for message in messages)
    if not counted:
        return []
    types = ", ".join(f"{name}: {count:,}" for name, count in counted.most_common(12))
    text = (
        f"Rows that are neither a customer's order nor a refund to one: {counted.total():,}"
        f" ({types}). They are listed, not loaded. If one of these types is an order, use"
        " mapping.toml to say how to read the file."
    )
    return [{"about": REASON, "text": text}]
