"""Cells to values: each of our columns is cleaned and checked, and bad rows are taken out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from ingest.amounts import AmountStyle, currency_signs, read_amounts
from ingest.dates import DateOrder, read_dates
from ingest.mapping import REQUIRED, Mapping
from ingest.scan import Rejects
from rfm_common.models import BEGINNING, Kind

LONGEST = {"order_id": 255, "customer_id": 255, "email": 320, "country": 100, "status": 64}
"""Characters a text may have."""

OLDEST = datetime(1900, 1, 1, tzinfo=UTC)
REJECT_SCHEMA = {"outcome": pl.String, "line": pl.Int64, "column_name": pl.String,
                 "value": pl.String, "reason": pl.String, "message": pl.String,
                 "raw": pl.String}  # fmt: skip

MESSAGES = {
    "empty": "this column must not be empty",
    "no_customer": "the order names no customer",
    "too_long": "the value is too long",
    "amount_empty": "there is no amount",
    "amount_not_a_number": "this is not a number",
    "amount_ambiguous": "the mark before three digits could be for decimals or for thousands",
    "amount_too_precise": "more than four decimals",
    "amount_too_large": "more than fourteen digits before the decimal point",
    "not_a_date": "this is not a date that exists, in a form that is understood",
    "date_in_future": "this date is more than a day ahead",
    "date_too_old": "this date is before 1900",
    "currency_unknown": "a currency is a code of three letters",
    "currency_mismatch": "the amount names another currency than the currency column",
    "rate_not_positive": "a rate must be greater than zero",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How this file writes dates and amounts, and what today is."""

    zone: str = "UTC"
    date_order: DateOrder = "dmy"
    amounts: AmountStyle = AmountStyle()
    now: datetime


class Typed(NamedTuple):
    """Rows ready for the database and rows that are not."""

    rows: pl.DataFrame
    rejects: pl.DataFrame


class Column(NamedTuple):
    """A column's values, and where a row is refused the code of why (None: nowhere)."""

    values: pl.Series
    reason: pl.Series | None = None

    @classmethod
    def of(cls, values: pl.Series, **flaws: pl.Series) -> "Column":
        """Values with named flaws, each a mask; the first that is true names the reason."""
        real = {code: mask for code, mask in flaws.items() if mask.any()}
        if not real:
            return cls(values)
        frame = pl.DataFrame(real)
        reason = pl.coalesce(pl.when(pl.col(code)).then(pl.lit(code)) for code in real)
        return cls(values, frame.select(reason=reason).to_series())


def typed(cells: pl.DataFrame, mapping: Mapping, style: Style) -> Typed:
    """Turn cells (`line`, `raw`, `c0` ...) into our columns plus `import_line`, and rejects."""
    given = {name: _given(cells, mapping, name) for name in mapping.fields}
    columns = {name: _READERS[name](given[name], style) for name in mapping.fields}
    if mapping.kind is Kind.ORDERS:
        columns |= _complete(columns, given, mapping)
    if not mapping.line_items:
        columns |= {name: _required(columns[name], name) for name in REQUIRED[mapping.kind]}
    values = pl.DataFrame([columns[name].values.alias(name) for name in columns])
    rows = values.with_columns(cells["line"].cast(pl.Int32).alias("import_line"))
    reasons = {name: column.reason for name, column in columns.items() if column.reason is not None}
    if not reasons:
        return Typed(rows, pl.DataFrame(schema=REJECT_SCHEMA))
    flawed = pl.DataFrame(reasons)
    bad = flawed.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    raw = {f"given_{name}": given[name] for name in reasons if name in given}
    listed = pl.DataFrame([cells["line"], cells["raw"]]).with_columns(**raw).hstack(flawed)
    return Typed(rows.filter(~bad), _rejects(listed.filter(bad), list(reasons)))


def structural(rejects: Rejects) -> pl.DataFrame:
    """The scanner's broken rows in the form of the others."""
    rows = [("rejected", line, None, None, reason, message, raw)
            for line, reason, message, raw in rejects]  # fmt: skip
    return pl.DataFrame(rows, schema=REJECT_SCHEMA, orient="row")


def _rejects(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """One line per bad row: its first bad column, in the header's order, with value and reason."""
    first = pl.coalesce(pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in names)
    value = pl.coalesce(
        pl.when(pl.col(name).is_not_null()).then(pl.col(f"given_{name}"))
        for name in names if f"given_{name}" in frame.columns
    )  # fmt: skip
    reason = pl.coalesce(names)
    return frame.select(
        pl.lit("rejected").alias("outcome"), "line", first.alias("column_name"),
        value.alias("value"), reason.alias("reason"),
        reason.replace_strict(MESSAGES, return_dtype=pl.String).alias("message"), "raw",
    )  # fmt: skip


def _given(cells: pl.DataFrame, mapping: Mapping, name: str) -> pl.Series:
    """The text of a column before anything is done to it."""
    if name in mapping.columns:
        return cells[f"c{mapping.columns[name]}"]
    if name == "order_amount" and mapping.product:
        factors = [f"c{index}" for index in mapping.product]
        return cells.select(pl.concat_str(factors, separator=" * ")).to_series()
    return _same(mapping.constants[name], cells.height)


def _same(text: str, height: int) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, height)


def _text(name: str) -> Callable[[pl.Series, Style], Column]:
    """A reader of trimmed text of at most LONGEST characters."""

    def read(raw: pl.Series, _style: Style) -> Column:
        values = raw.str.strip_chars()
        return Column.of(values, too_long=values.str.len_chars() > LONGEST[name])

    return read


def _optional(name: str) -> Callable[[pl.Series, Style], Column]:
    """The same, null when empty."""

    def read(raw: pl.Series, style: Style) -> Column:
        column = _text(name)(raw, style)
        return column._replace(values=_null_if_empty(column.values))

    return read


def _null_if_empty(values: pl.Series) -> pl.Series:
    return values.set(values == "", None) if (values == "").any() else values


def _date(raw: pl.Series, style: Style) -> Column:
    values = read_dates(raw, style.zone, style.date_order)
    blank = raw.str.strip_chars() == "" if values.null_count() else values.is_null()
    return Column.of(
        values,
        not_a_date=values.is_null() & ~blank,
        date_in_future=(values > style.now + timedelta(days=1)).fill_null(value=False),
        date_too_old=(values < OLDEST).fill_null(value=False),
    )


def _day(raw: pl.Series, style: Style) -> Column:
    """A rate's first day; a rate without one holds from the beginning."""
    moments = read_dates(raw, style.zone, style.date_order)
    days = moments.dt.convert_time_zone(style.zone).dt.date()
    blank = raw.str.strip_chars() == ""
    return Column.of(days.set(blank, BEGINNING), not_a_date=days.is_null() & ~blank)


def _amount(raw: pl.Series, style: Style) -> Column:
    factors = (
        raw.str.split_exact(" * ", 1).struct.unnest()
        if raw.str.contains(" * ", literal=True).any()
        else None
    )
    if factors is None:
        values, reason = read_amounts(raw, style.amounts)
        return _without_empty(values, reason)
    parts = [read_amounts(factors[name], style.amounts) for name in factors.columns]
    products = pl.Series("amount", [
        None if left is None or right is None else f"{Decimal(left) * Decimal(right):f}"
        for left, right in zip(parts[0][0], parts[1][0], strict=True)
    ], pl.String)  # fmt: skip
    values, reason = read_amounts(products.fill_null(""), AmountStyle())
    flaws = pl.DataFrame([parts[0][1].alias("0"), parts[1][1].alias("1"), reason.alias("2")])
    return Column(values, flaws.select(pl.coalesce(pl.all())).to_series())


def _without_empty(values: pl.Series, reason: pl.Series) -> Column:
    """Leave emptiness to those who know whether the column is required."""
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


def _currency(raw: pl.Series, _style: Style) -> Column:
    values = raw.str.strip_chars().str.to_uppercase()
    return Column.of(values, currency_unknown=~values.str.contains(r"^(?:[A-Z]{3})?$"))


def _status(raw: pl.Series, style: Style) -> Column:
    column = _text("status")(raw, style)
    return column._replace(values=column.values.str.to_lowercase())


def _required(column: Column, name: str) -> Column:
    """Refuse rows where a required column is empty."""
    empty = (
        column.values.is_null() | (column.values.cast(pl.String) == "")
        if column.values.null_count() or column.values.dtype == pl.String
        else None
    )
    if empty is None or not empty.any():
        return column
    missing = Column.of(column.values, empty=empty).reason
    reasons = [reason for reason in (column.reason, missing) if reason is not None]
    frame = pl.DataFrame([reason.alias(str(index)) for index, reason in enumerate(reasons)])
    return Column(column.values, frame.select(pl.coalesce(pl.all())).to_series())


def _complete(
    columns: dict[str, Column], given: dict[str, pl.Series], mapping: Mapping
) -> dict[str, Column]:
    """The order columns that a file may leave out: currency (told by the amount) and status."""
    height = len(given["order_id"])
    currency = columns.get("currency", Column(_same("", height)))
    status = columns.get("status", Column(_same("completed", height)))
    signs = currency_signs(given["order_amount"]) if not mapping.product else _same("", height)
    if (signs != "").any():
        differ = (signs != "") & (currency.values != "") & (signs != currency.values)
        both = pl.DataFrame({"sign": signs, "own": currency.values})
        chosen = both.select(pl.when(pl.col("own") == "").then("sign").otherwise("own")).to_series()
        flaw = Column.of(chosen, currency_mismatch=differ).reason
        currency = Column(chosen, flaw if currency.reason is None else currency.reason)
    if mapping.statuses:
        status = status._replace(values=status.values.replace(mapping.statuses))
    status = status._replace(values=status.values.set(status.values == "", "completed"))
    return {"currency": currency, "status": status}


_READERS: dict[str, Callable[[pl.Series, Style], Column]] = {
    "order_id": _text("order_id"),
    "customer_id": _text("customer_id"),
    "order_date": _date,
    "order_amount": _amount,
    "currency": _currency,
    "status": _status,
    "email": _optional("email"),
    "country": _optional("country"),
    "created_at": _date,
    "valid_from": _day,
    "rate": _rate,
}
