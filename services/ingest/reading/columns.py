"""Cells to values, column by column: cleaned, checked, and null where a row is refused."""

from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from ingest.reading.amounts import PLAIN, AmountStyle, read_amounts
from ingest.reading.currencies import codes, named_in
from ingest.reading.dates import DateOrder, read_dates
from ingest.reading.day_numbers import Unit
from ingest.reading.flags import FLAGS, lowered, taken_out
from ingest.reading.identity import read_ids
from ingest.reading.mapping import CUSTOMER_EMAIL, Mapping
from ingest.reading.refunds import is_filled, kept
from ingest.reading.statuses import clean, translate
from rfm_common.counting import CANCELLED, COMPLETED, REFUNDED
from rfm_common.identity import ADDRESS
from rfm_common.models import BEGINNING

LONGEST = {"order_id": 255, "customer_id": 255, "email": 320, "country": 100, "status": 64}
"""Characters a text may have."""

OLDEST = datetime(1900, 1, 1, tzinfo=UTC)
TIMES = " * "
"""Joins quantity and unit price where a mapping multiplies them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How this file writes dates and amounts, and what today is."""

    zone: str = "UTC"
    date_order: DateOrder = "dmy"
    amounts: AmountStyle = PLAIN
    unit: Unit | None = None
    """What dates that are numbers count."""
    signs: abc.Mapping[str, str] = field(default_factory=dict)
    """What signs for currencies mean that several use."""
    now: datetime


class Column(NamedTuple):
    """A column's values, and where a row is refused the code of why (None: nowhere)."""

    values: pl.Series
    reason: pl.Series | None = None
    left_out: pl.Series | None = None
    """Where a value cannot be read, and its row is loaded without it (None: nowhere)."""

    @classmethod
    def of(cls, values: pl.Series, **flaws: pl.Series) -> "Column":
        """Values with named flaws, each a mask; the first that is true names the reason."""
        real = {code: mask for code, mask in flaws.items() if mask.any()}
        if not real:
            return cls(values)
        frame = pl.DataFrame(real)
        reason = pl.coalesce(pl.when(pl.col(code)).then(pl.lit(code)) for code in real)
        return cls(values, frame.select(reason=reason).to_series())


def same(text: str, height: int) -> pl.Series:
    """A column that says the same in every row."""
    return pl.Series([text], dtype=pl.String).new_from_index(0, height)


def _text(name: str) -> Callable[[pl.Series, Style], Column]:
    """A reader of trimmed text of at most LONGEST characters."""

    def read(raw: pl.Series, _style: Style) -> Column:
        values = raw.str.strip_chars()
        return Column.of(values, too_long=values.str.len_chars() > LONGEST[name])

    return read


def _id(name: str) -> Callable[[pl.Series, Style], Column]:
    """A reader of ids, each in the spelling under which it is kept."""

    def read(raw: pl.Series, _style: Style) -> Column:
        values = read_ids(raw)
        return Column.of(values, too_long=values.str.len_chars() > LONGEST[name])

    return read


def _optional(name: str) -> Callable[[pl.Series, Style], Column]:
    """The same, null when empty."""

    def read(raw: pl.Series, style: Style) -> Column:
        column = _text(name)(raw, style)
        return column._replace(values=_null_if_empty(column.values))

    return read


def _address(raw: pl.Series, _style: Style) -> Column:
    """Addresses in the spelling of ids; null for anything else, which costs no row."""
    values = read_ids(raw)
    sound = values.str.contains(ADDRESS) & (values.str.len_chars() <= LONGEST["customer_id"])
    return Column(values.set(~sound, None))


def _null_if_empty(values: pl.Series) -> pl.Series:
    return values.set(values == "", None) if (values == "").any() else values


def _date(raw: pl.Series, style: Style) -> Column:
    """Moments; the text itself where PostgreSQL, in UTC, reads the same moments from it."""
    moments = read_dates(raw, style.zone, style.date_order, style.now.year + 1, style.unit)
    values = moments.values
    latest = style.now + timedelta(days=1)
    if not values.null_count() and _all_between(values, OLDEST, latest):
        return Column(raw if moments.is_plain_utc else values)
    return Column.of(
        values,
        not_a_date=values.is_null() & (raw.str.strip_chars() != ""),
        date_in_future=(values > latest).fill_null(value=False),
        date_too_old=(values < OLDEST).fill_null(value=False),
    )


def _date_if_any(raw: pl.Series, style: Style) -> Column:
    """Moments of a column that a row may lack: a bad one does not hold its row up."""
    column = _date(raw, style)
    if column.reason is None:
        return column
    bad = column.reason.is_not_null()
    return Column(column.values.set(bad, None), left_out=bad)


def _all_between(values: pl.Series, first: datetime, last: datetime) -> bool:
    low, high = values.min(), values.max()
    return (
        isinstance(low, datetime) and isinstance(high, datetime) and low >= first and high <= last
    )


def _day(raw: pl.Series, style: Style) -> Column:
    """A rate's first day; a rate without one holds from the beginning."""
    moments = read_dates(raw, style.zone, style.date_order, style.now.year + 1, style.unit)
    days = moments.values.dt.convert_time_zone(style.zone).dt.date()
    blank = raw.str.strip_chars() == ""
    return Column.of(days.set(blank, BEGINNING), not_a_date=days.is_null() & ~blank)


def _amount(raw: pl.Series, style: Style) -> Column:
    """Exact decimal text. Leaves emptiness to those who know whether an amount is required."""
    if raw.str.contains(TIMES, literal=True).any():
        return _product(raw, style)
    return _without_empty(*read_amounts(raw, style.amounts))


def _product(raw: pl.Series, style: Style) -> Column:
    """Quantity times price, multiplied exactly."""
    parts = raw.str.split_exact(TIMES, 1).struct.unnest()
    factors = [read_amounts(parts[name], style.amounts) for name in parts.columns]
    products = pl.Series([
        None if left is None or right is None else f"{Decimal(left) * Decimal(right):f}"
        for left, right in zip(factors[0][0], factors[1][0], strict=True)
    ], dtype=pl.String)  # fmt: skip
    values, reason = read_amounts(products.fill_null(""), PLAIN)
    reasons = [part for part in (factors[0][1], factors[1][1], reason) if part is not None]
    return _without_empty(values, _first_of(reasons))


def hundredths(column: Column) -> Column:
    """Amounts in cents as amounts, exactly."""
    scaled = column.values.cast(pl.Decimal(38, 6)) / pl.Series([100], dtype=pl.Decimal(38, 6))
    return column._replace(values=scaled.cast(pl.Decimal(38, 4)).cast(pl.String))


def _first_of(reasons: list[pl.Series]) -> pl.Series | None:
    """The first reason of each row."""
    if not reasons:
        return None
    frame = pl.DataFrame([reason.alias(str(index)) for index, reason in enumerate(reasons)])
    return frame.select(pl.coalesce(pl.all())).to_series()


def _without_empty(values: pl.Series, reason: pl.Series | None) -> Column:
    if reason is None:
        return Column(values)
    reason = reason.set((reason == "amount_empty").fill_null(value=False), None)
    return Column(values, reason if reason.null_count() < len(reason) else None)


def _rate(raw: pl.Series, style: Style) -> Column:
    values = raw.str.strip_chars()
    if style.amounts.decimal == ",":
        values = values.str.replace(",", ".", literal=True)
    sound = values.str.contains(r"^[0-9]{1,12}(?:\.[0-9]{1,12})?$")
    positive = values.str.contains("[1-9]")
    return Column.of(
        values, amount_not_a_number=~sound & (values != ""), rate_not_positive=sound & ~positive
    )


def _currency(raw: pl.Series, style: Style) -> Column:
    different = raw.unique()
    if different.str.contains("^(?:[A-Z]{3})?$").all():
        return Column(raw)
    found = codes(different, style.signs)
    values = raw.replace_strict(found, return_dtype=pl.String)
    return Column.of(values.fill_null(raw), currency_unknown=values.is_null())


def _status(raw: pl.Series, style: Style) -> Column:
    values = _by_value(raw, clean)
    if (values.unique().str.len_chars() <= LONGEST["status"]).all():
        return Column(values)
    return _text("status")(values, style)


def _by_value(raw: pl.Series, clean: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Clean a column of few different values; nothing to do where all are clean already."""
    different = raw.unique()
    return raw if (clean(different) == different).all() else clean(raw)


def required(column: Column) -> Column:
    """Refuse rows where a required column is empty."""
    values = column.values
    empty = (values.is_null() | (values == "")) if values.dtype == pl.String else values.is_null()
    missing = Column.of(values, empty=empty).reason
    reasons = [reason for reason in (column.reason, missing) if reason is not None]
    return Column(values, _first_of(reasons))


def name_no_customer(column: Column) -> Column:
    """Tell a missing customer apart: a guest's order is usual, and does not condemn its file."""
    if column.reason is None:
        return column
    return Column(column.values, column.reason.replace("empty", "no_customer"))


def complete(
    columns: dict[str, Column], given: dict[str, pl.Series], mapping: Mapping
) -> dict[str, Column]:
    """The order columns that a file may leave out: currency (told by the amount) and status."""
    height = len(given["customer_id"])
    currency = columns.get("currency", Column(same("", height)))
    if columns["order_amount"].values is not given["order_amount"] and not mapping.product:
        currency = _with_signs(currency, named_in(given["order_amount"]))
    word = columns.get("status", Column(same("", height)))
    found = {"currency": currency, **_statuses(word, mapping)}
    if "refunded" in columns:
        found |= _without_refunds(columns, found)
    if "cancelled_at" in columns:
        found |= _instead(found, is_filled(columns["cancelled_at"].values), CANCELLED)
    cells = {name: columns[name].values for name in FLAGS if name in columns}
    for status, rows in taken_out(cells).items():
        found |= _instead(found, rows, status)
    if "row_type" in columns:
        amount = found.get("order_amount", columns["order_amount"])
        found["order_amount"] = amount._replace(values=lowered(amount.values, cells["row_type"]))
    return found


def _instead(found: dict[str, Column], rows: pl.Series, status: str) -> dict[str, Column]:
    """These rows with another status, where they had one that counts, whatever their word."""
    known, word = found["status"], found["status_word"]
    counted = rows & (known.values == COMPLETED)
    return {"status": known._replace(values=known.values.set(counted, status)),
            "status_word": word._replace(values=word.values.set(counted, None))}  # fmt: skip


def _without_refunds(columns: dict[str, Column], found: dict[str, Column]) -> dict[str, Column]:
    """The amounts that were kept; what was paid back in full is refunded."""
    amount = columns["order_amount"]
    amounts, whole = kept(amount.values, columns["refunded"].values)
    return {"order_amount": amount._replace(values=amounts), **_instead(found, whole, REFUNDED)}


def _statuses(word: Column, mapping: Mapping) -> dict[str, Column]:
    """What the words mean, and the words; of an order's lines, another one may say it."""
    words = word.values
    if mapping.source == "mapping.toml":  # what the operator calls a word is the word
        words = words.replace(mapping.statuses)
    statuses, own = translate(words, mapping.statuses)
    if mapping.line_items and "status" in mapping.columns:
        statuses = statuses.set(words == "", "")
    return {"status": word._replace(values=statuses), "status_word": Column(own)}


def _with_signs(currency: Column, signs: pl.Series) -> Column:
    """Take the currency from the amount where the column is empty; refuse a contradiction."""
    own = currency.values
    flaw = Column.of(own, currency_mismatch=(signs != "") & (own != "") & (signs != own)).reason
    both = pl.DataFrame({"sign": signs, "own": own})
    chosen = both.select(pl.when(pl.col("own") == "").then("sign").otherwise("own")).to_series()
    return Column(chosen, flaw if currency.reason is None else currency.reason)


READERS: dict[str, Callable[[pl.Series, Style], Column]] = {
    "order_id": _id("order_id"),
    "customer_id": _id("customer_id"),
    "order_date": _date,
    "order_amount": _amount,
    "refunded": _amount,
    **dict.fromkeys(("cancelled_at", *FLAGS), lambda raw, _style: Column(raw)),
    "currency": _currency,
    "status": _status,
    "email": _optional("email"),
    CUSTOMER_EMAIL: _address,
    "country": _optional("country"),
    "created_at": _date_if_any,
    "valid_from": _day,
    "rate": _rate,
}
