"""Orders without an id that holds: each row is an order, with an id made of what it says."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.questions import Choice, Question
from ingest.refusal import RefusedError
from rfm_common.models import MONEY_DIGITS, MONEY_SCALE, Kind

FROM_CONTENT, AS_WRITTEN, REFUSED = "content", "as_written", "refuse"
_MONEY = pl.Decimal(MONEY_DIGITS, MONEY_SCALE)
_SCIENTIFIC = re.compile(r"^\s*[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{1,3}\s*$")
_BYTES = 12
"""Of a hash: among a billion orders two share one with a chance of 1 to 10^11."""


def with_ids(
    mapping: Meaning,
    headers: Sequence[str],
    sample: Sequence[Sequence[str]],
    answers: Mapping[str, str],
) -> tuple[Meaning, tuple[Question, ...]]:
    """The mapping, with ids from content where that was chosen or the file has no ids, and what
    to ask about ids that a spreadsheet has damaged. Raises RefusedError where that is chosen."""
    questions = []
    for ours in ("order_id", "customer_id"):
        about, name = f"column.{ours}", headers[mapping.columns.get(ours, 0)].strip()
        damaged = _damaged(mapping, ours, sample)
        answer = answers.get(about) if damaged else AS_WRITTEN
        if answer == REFUSED:
            raise RefusedError("damaged_ids", _message(name, damaged[0]))
        if answer == FROM_CONTENT and ours == "order_id":
            mapping = _without_ids(mapping, name)
        elif answer != AS_WRITTEN:
            questions.append(_question(mapping.kind, ours, name, damaged))
    if mapping.ids_from_content:
        mapping.told.append({"about": "column.order_id", "text": _told()})
    return mapping, tuple(questions)


def _damaged(mapping: Meaning, ours: str, sample: Iterable[Sequence[str]]) -> list[str]:
    at = mapping.columns.get(ours)
    cells = (row[at] for row in sample if at is not None and at < len(row))
    return [cell.strip() for cell in cells if _SCIENTIFIC.match(cell)]


def _message(name: str, example: str) -> str:
    return (
        f"the column {name!r} holds ids such as {example!r}: a spreadsheet has shortened them."
        " Export the file again, and format the column as text before it is saved"
    )


def _without_ids(mapping: Meaning, name: str) -> Meaning:
    columns = {ours: at for ours, at in mapping.columns.items() if ours != "order_id"}
    ignored = [*mapping.ignored, name]
    return replace(mapping, columns=columns, ignored=ignored, ids_from_content=True)


def _question(kind: Kind, ours: str, name: str, damaged: Sequence[str]) -> Question:
    of_orders = kind is Kind.ORDERS and ours == "order_id"
    refuse = Choice(REFUSED, "Refuse the file: I will export it again, with the column as text")
    keep = Choice(AS_WRITTEN, "Keep them as they stand: the same text is the same id")
    content = Choice(FROM_CONTENT, "Ignore them: each row is an order, with an id made of"
                     " customer, date and amount")  # fmt: skip
    return Question(
        about=f"column.{ours}",
        text=f"A spreadsheet has shortened the ids in {name!r}. What should be done with them?",
        found=f"{len(damaged):,} of the first rows have ids such as {damaged[0]!r},"
        f" {len(set(damaged)):,} of them different",
        proposal=REFUSED,
        choices=(refuse, content, keep) if of_orders else (refuse, keep),
    )


def _told() -> str:
    return (
        "each row is an order, because no column holds order ids: its id is made of customer, date"
        " and amount, so that the same row in another file is the same order"
    )


def content_ids(customers: pl.Series, moments: pl.Series, amounts: pl.Series) -> pl.Series:
    """An id for each row, the same in every file; equal rows have equal ids."""
    parts = pl.DataFrame({
        "customer": customers,
        "moment": moments.dt.epoch("us").cast(pl.String),
        "amount": amounts.cast(_MONEY, strict=False).cast(pl.String),
    })  # fmt: skip
    texts = parts.select(pl.concat_str(pl.all(), separator="\x1f", ignore_nulls=True)).to_series()
    ids = [hashlib.blake2b(text.encode(), digest_size=_BYTES).hexdigest() for text in texts]
    return pl.Series(ids, dtype=pl.String)
