"""What a person sees before deciding: the first rows, raw and as read, and the numbers.

Computed for each way to answer while the file is at hand, so that nobody has to read it again
before the decision. Only the beginning of a large file is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice, product
from typing import Any

import polars as pl
from polars import selectors

from ingest.persons import Persons
from ingest.reading.containers.source import Planned, Source
from ingest.reading.fields import structural, typed
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.questions import Question
from ingest.reading.reader import Layout, Options, scanned
from ingest.reading.statuses import is_counted
from ingest.reading.structure import NO_ROWS, without_other_lines
from ingest.refusal import ChangedError, RefusedError
from rfm_common.models import Kind

SHOWN = 8
"""Rows that are shown."""
LONGEST = 500
"""Characters of a row that are shown."""
READ_AT_MOST = 100_000
"""Rows that the numbers are of."""
WAYS_AT_MOST = 24
"""Combinations of answers that are tried; of more, each answer beside the proposals."""
LARGE_FILE = 64 * 2**20
"""Bytes; of a larger file only the proposals are tried, because each way reads all of it."""

Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The file that is looked at."""

    source: Source
    name: str
    planned: Planned
    options: Options
    erased: Persons | None = None
    """Whose rows are not shown."""


@dataclass(slots=True)
class Beginning:
    """The first rows of a file, read in one way."""

    rows: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)
    raw: dict[int, str] = field(default_factory=dict)
    """The text of the first ones, by line."""
    count: int = 0
    is_whole: bool = True


def build(subject: Subject, questions: Sequence[Question]) -> dict[str, Any]:
    """The preview of a file that is held for these questions."""
    layout = subject.planned.layout
    shown = {"headers": [header.strip() for header in layout.headers],
             "mapping": as_rule(layout.mapping, layout.headers)}  # fmt: skip
    is_large = layout.survey.size > LARGE_FILE
    ways = [_proposals(questions)] if is_large else _ways(questions)
    return shown | {"ways": [_way(subject, answers) for answers in ways]}


def as_rule(mapping: Meaning, headers: Sequence[str]) -> dict[str, Any]:
    """What a file's columns mean, in the words of mapping.toml."""
    columns = {ours: headers[index].strip() for ours, index in mapping.columns.items()}
    if mapping.product:
        columns["order_amount"] = " * ".join(headers[index].strip() for index in mapping.product)
    rule = {"columns": columns, "constants": dict(mapping.constants),
            "statuses": dict(mapping.statuses), "line_items": mapping.line_items}  # fmt: skip
    return {name: value for name, value in rule.items() if value}


def _proposals(questions: Iterable[Question]) -> dict[str, str]:
    return {question.about: question.proposal for question in questions}


def _ways(questions: Sequence[Question]) -> list[dict[str, str]]:
    """Every combination of answers, the proposals first; of many, one other answer at a time."""
    options = [
        sorted((choice.value for choice in question.choices), key=question.proposal.__ne__)
        for question in questions
    ]
    size = 1
    for values in options:
        size *= len(values)
    names = [question.about for question in questions]
    if size <= WAYS_AT_MOST:
        return [dict(zip(names, values, strict=True)) for values in product(*options)]
    return list(islice(_one_at_a_time(questions), WAYS_AT_MOST))


def _one_at_a_time(questions: Sequence[Question]) -> Iterator[dict[str, str]]:
    proposals = _proposals(questions)
    yield proposals
    for question in questions:
        for choice in question.choices:
            if choice.value != question.proposal:
                yield proposals | {question.about: choice.value}


def _way(subject: Subject, answers: Answers) -> dict[str, Any]:
    """The rows and numbers that these answers give, or why they give none."""
    try:
        planned = _answered(subject, answers)
        layout, begun = planned.layout, _read(planned)
    except (RefusedError, ChangedError, KeyError, pl.exceptions.PolarsError) as error:
        reason = error.message if isinstance(error, RefusedError) else "cannot be read so"
        return {"answers": answers, "problem": reason, "rows": [], "numbers": {}}
    return {
        "answers": answers,
        "columns": list(layout.mapping.fields),
        "problems": _problems(begun),
        "rows": _shown(begun, subject.erased),
        "numbers": _numbers(begun, layout),
    }


def _answered(subject: Subject, answers: Answers) -> Planned:
    if not answers:
        return subject.planned
    options = replace(subject.options, answers={**subject.options.answers, **answers})
    return subject.source.planned(subject.name, options)


def _read(planned: Planned) -> Beginning:
    begun, layout = Beginning(), planned.layout
    for found, _position in scanned(planned.file, layout):
        rows = without_other_lines(found, layout.mapping, layout.headers, layout.grammar.delimiter)
        good = typed(rows.frame, layout.mapping, layout.style)
        begun.rows.append(_on_the_shops_clock(good.rows, layout.style.zone))
        begun.rejects += [structural(rows.rejects), good.rejects]
        for line, raw in rows.frame.select("line", "raw").head(SHOWN).iter_rows():
            begun.raw[line] = raw
        begun.count += rows.count
        if begun.count >= READ_AT_MOST:
            begun.is_whole = False
            break
    return begun


def _on_the_shops_clock(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    return rows.with_columns(selectors.datetime(time_zone="*").dt.convert_time_zone(zone))


def _shown(begun: Beginning, erased: Persons | None) -> list[dict[str, Any]]:
    """The first rows by line: the text, and what is read from it or why it is not."""
    first: dict[int, dict[str, Any]] = {}
    for frame in begun.rows:
        for row in frame.head(SHOWN).iter_rows(named=True):
            line = row.pop("import_line")
            cells = {name: _text(name, value) for name, value in row.items()}
            first[line] = {"line": line, "raw": begun.raw.get(line, "")[:LONGEST], "cells": cells}
    for frame in begun.rejects:
        for row in frame.head(SHOWN).iter_rows(named=True):
            first[row["line"]] = {"line": row["line"], "raw": (row["raw"] or "")[:LONGEST],
                                  "cells": {}, "problem": row["message"]}  # fmt: skip
    rows = [first[line] for line in sorted(first)][:SHOWN]
    if not (erased and rows):
        return rows
    theirs = erased.named_in(pl.Series([row["raw"] for row in rows], dtype=pl.String))
    return [row for row, is_theirs in zip(rows, theirs, strict=True) if not is_theirs]


def _problems(begun: Beginning) -> list[dict[str, Any]]:
    """Why rows would not load, the commonest first."""
    if not begun.rejects:
        return []
    grouped = (
        pl.concat(begun.rejects)
        .filter(~_never_rows())
        .group_by("message", "column_name")
        .agg(rows=pl.len(), first_line=pl.col("line").min())
        .sort(["rows", "first_line"], descending=[True, False])
    )
    return grouped.head(SHOWN).to_dicts()


def _never_rows() -> pl.Expr:
    return pl.col("reason").is_in(NO_ROWS)


def _text(name: str, value: object) -> str | None:
    """A cell as a person writes it: a moment without its zone, an amount with two decimals."""
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None)).removesuffix(" 00:00:00")
    if value is not None and name == "order_amount":
        amount = Decimal(str(value)).normalize()
        return f"{amount:.{max(2, -int(amount.as_tuple().exponent))}f}"
    return None if value is None else str(value)


def _numbers(begun: Beginning, layout: Layout) -> dict[str, Any]:
    """Rows and what they add up to."""
    never = sum(frame.filter(_never_rows()).height for frame in begun.rejects)
    rejected = sum(frame.height for frame in begun.rejects) - never
    found: dict[str, Any] = {"rows": begun.count - never, "rows_rejected": rejected,
                             "is_whole_file": begun.is_whole}  # fmt: skip
    if not begun.rows:
        return found
    frame = pl.concat(begun.rows, how="vertical_relaxed")
    if "customer_id" in frame.columns:
        found["customers"] = _different(frame["customer_id"])
    if layout.mapping.kind is Kind.ORDERS:
        found |= _orders(frame, layout.counted_words)
    return found


def _orders(frame: pl.DataFrame, counted: frozenset[str]) -> dict[str, Any]:
    counts = is_counted(frame["status_word"], frame["status"], counted)
    days = frame["order_date"].cast(pl.String).drop_nulls().str.slice(0, 10)
    return {
        "orders": _different(frame["order_id"]),
        "orders_not_counted": _different(frame.filter(~counts)["order_id"]),
        "amounts": _amounts(frame.filter(counts)),
        "first_day": days.min(),
        "last_day": days.max(),
    }


def _different(values: pl.Series) -> int:
    return values.filter(values != "").drop_nulls().n_unique()


def _amounts(frame: pl.DataFrame) -> dict[str, str]:
    """Sums by currency, exact; the shop's base currency has an empty name."""
    sums = frame.select(
        "currency", pl.col("order_amount").cast(pl.String).str.to_decimal(scale=4)
    ).group_by("currency").agg(pl.col("order_amount").sum())  # fmt: skip
    return {
        str(currency or ""): f"{Decimal(amount or 0).normalize():f}"
        for currency, amount in sorted(sums.iter_rows(), key=str)
    }
