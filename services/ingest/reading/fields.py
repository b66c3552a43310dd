"""Rows of cells to rows of our columns; those with a bad cell are taken out and listed."""

from typing import NamedTuple

import polars as pl

from ingest.reading.columns import (
    READERS,
    TIMES,
    Column,
    Style,
    complete,
    hundredths,
    name_no_customer,
    required,
    same,
)
from ingest.reading.content_ids import content_ids
from ingest.reading.dates import read_dates
from ingest.reading.guests import without_guests
from ingest.reading.left_out import SCHEMA as LEFT_OUT_SCHEMA
from ingest.reading.mapping import HELPERS, REQUIRED, Mapping
from ingest.reading.scan import Rejects
from ingest.reading.structure import NO_ROWS
from rfm_common.models import BEGINNING, MONEY_DIGITS, MONEY_SCALE, Kind

REJECT_SCHEMA = {"outcome": pl.String, "line": pl.Int64, "column_name": pl.String,
                 "value": pl.String, "reason": pl.String, "message": pl.String,
                 "raw": pl.String}  # fmt: skip

MESSAGES = {
    "empty": "this column must not be empty",
    "no_customer": "the row names no customer, like the order of a guest",
    "too_long": "the value is too long",
    "amount_empty": "there is no amount",
    "amount_not_a_number": "this is not a number",
    "amount_ambiguous": "the mark before three digits may separate decimals or thousands",
    "amount_too_precise": "more than four decimals",
    "amount_too_large": "more than fourteen digits before the decimal point",
    "not_a_date": "no such date exists, or it is not in a form that is understood",
    "date_in_future": "this date is more than a day ahead; check its year",
    "date_too_old": "this date is before 1900; check its year",
    "currency_unknown": "unknown currency; write its three-letter code, such as EUR",
    "currency_mismatch": "the amount names another currency than the currency column",
    "rate_not_positive": "a rate must be greater than zero",
}


_MONEY = pl.Decimal(MONEY_DIGITS, MONEY_SCALE)
BROKEN_SCHEMA = {"order_id": pl.String, "line": pl.Int64}
"""Lines that could not be read, of orders that have several."""


class Typed(NamedTuple):
    """Rows ready for the database and rows that are not."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    broken: pl.DataFrame
    left_out: pl.DataFrame


def typed(cells: pl.DataFrame, mapping: Mapping, style: Style) -> Typed:
    """Turn cells (`line`, `raw`, `c0` ...) into our columns plus `import_line`, and rejects."""
    given = {name: _given(cells, mapping, name) for name in mapping.fields}
    columns = {name: READERS[name](given[name], style) for name in mapping.fields}
    columns |= {name: hundredths(columns[name]) for name in mapping.cents}
    if "customer_id" in columns:
        ids = columns["customer_id"]
        columns["customer_id"] = ids._replace(values=without_guests(ids.values, mapping))
    if mapping.ids_from_content:
        columns["order_id"] = _content_ids(columns, given, style)
    if mapping.kind is Kind.ORDERS:
        columns |= complete(columns, given, mapping)
    elif mapping.kind is Kind.EXCHANGE_RATES and "valid_from" not in columns:
        days = pl.Series([BEGINNING]).new_from_index(0, cells.height)
        columns["valid_from"] = Column(days)
    if not mapping.line_items:
        columns |= {name: required(columns[name]) for name in REQUIRED[mapping.kind]}
        if "customer_id" in columns:
            columns["customer_id"] = name_no_customer(columns["customer_id"])
    ours = [name for name in columns if name not in HELPERS]
    values = pl.DataFrame([columns[name].values.alias(name) for name in ours])
    rows = values.with_columns(cells["line"].cast(pl.Int32).alias("import_line"))
    left_out = _left_out(cells["line"], columns, given)
    reasons = {name: column.reason for name, column in columns.items() if column.reason is not None}
    if not reasons:
        none, unbroken = (pl.DataFrame(schema=form) for form in (REJECT_SCHEMA, BROKEN_SCHEMA))
        return Typed(rows, none, unbroken, left_out)
    flawed = pl.DataFrame(reasons)
    bad = flawed.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    raw = {f"given_{name}": given[name] for name in reasons if name in given}
    listed = pl.DataFrame([cells["line"], cells["raw"]]).with_columns(**raw).hstack(flawed)
    rejects = _rejects(listed.filter(bad), list(reasons))
    left_out = left_out.filter(~pl.col("line").is_in(rejects["line"].implode()))
    return Typed(rows.filter(~bad), rejects, _broken(rows.filter(bad), mapping), left_out)


def _left_out(
    lines: pl.Series, columns: dict[str, Column], given: dict[str, pl.Series]
) -> pl.DataFrame:
    """The values without which rows are loaded."""
    found = [
        pl.DataFrame({"line": lines, "value": given[name]})
        .filter(column.left_out)
        .select(pl.lit(name).alias("column_name"), pl.col("line").cast(pl.Int64), "value")
        for name, column in columns.items() if column.left_out is not None
    ]  # fmt: skip
    return pl.concat(found) if found else pl.DataFrame(schema=LEFT_OUT_SCHEMA)


def _content_ids(columns: dict[str, Column], given: dict[str, pl.Series], style: Style) -> Column:
    """Ids of the rows, of amounts before refunds: a later refund is the same order's."""
    latest_year = style.now.year + 1
    moments = read_dates(given["order_date"], style.zone, style.date_order, latest_year, style.unit)
    customers, amounts = (columns[name].values for name in ("customer_id", "order_amount"))
    return Column(content_ids(customers, moments.values, amounts))


def _broken(rows: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """The orders of these lines; none where each row is an order of its own."""
    if not mapping.line_items:
        return pl.DataFrame(schema=BROKEN_SCHEMA)
    return rows.select("order_id", pl.col("import_line").cast(pl.Int64).alias("line"))


def broken_lines(rejects: Rejects, mapping: Mapping, style: Style, comma: str) -> pl.DataFrame:
    """The orders of lines that could not be cut into cells, as far as their text shows them."""
    at = mapping.columns.get("order_id")
    if at is None or not mapping.line_items:
        return pl.DataFrame(schema=BROKEN_SCHEMA)
    found = {line: raw.split(comma) for line, reason, _, raw in rejects if reason not in NO_ROWS}
    cells = {line: cells[at].strip('" ') for line, cells in found.items() if at < len(cells)}
    ids = READERS["order_id"](pl.Series([*cells.values()], dtype=pl.String), style).values
    return pl.DataFrame({"order_id": ids, "line": [*cells]}, schema=BROKEN_SCHEMA)


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
    if name == "order_date" and mapping.clock:
        parts = [f"c{index}" for index in (mapping.columns[name], *mapping.clock)]
        return cells.select(pl.concat_str(parts, separator=" ")).to_series()
    if name == "customer_id" and mapping.surname is not None:
        cells = cells.select(f"c{mapping.columns[name]}", f"c{mapping.surname}")
        names = pl.concat_str(pl.all().str.strip_chars(), separator=" ")
        return cells.select(names.str.strip_chars()).to_series()
    if name in mapping.columns:
        return cells[f"c{mapping.columns[name]}"]
    if name == "order_amount" and mapping.product:
        factors = [f"c{index}" for index in mapping.product]
        return cells.select(pl.concat_str(factors, separator=TIMES)).to_series()
    return same(mapping.constants[name], cells.height)
