"""Which of a file's tables is read, told by their headers or asked."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.reading.containers.cells import Part
from ingest.reading.header import Search, header_of
from ingest.reading.mapping import find_mapping
from ingest.reading.questions import Choice, Question
from ingest.reading.reader import Options
from rfm_common.models import Kind

SHEET = "sheet"
"""The key of the question."""
ALL = "*"
"""Its answer for all of them; no sheet can be called so."""
NAMED = 5
"""Names that a sentence lists."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """A table that names the columns that are needed."""

    part: Part
    header: tuple[str, ...]
    lines: int
    """Up to the end of its header."""
    is_of_orders: bool


@dataclass(frozen=True, slots=True)
class Choosing:
    """The tables to read, each with the lines of its header, and what to say about it."""

    parts: Sequence[tuple[Part, int]]
    told: tuple[dict[str, str], ...] = ()
    questions: tuple[Question, ...] = ()


def chosen(
    parts: Sequence[Part], heads: Sequence[bytes], file_name: str, options: Options
) -> Choosing:
    """The table whose header fits; a question where several do. `heads`: how each begins."""
    search = options.search(file_name)
    fitting = [
        Fitting(part, *found, _is_of_orders(found[0], search))
        for part, head in zip(parts, heads, strict=True)
        if not part.is_hidden and (found := header_of(_text(head), search))
    ]
    if not fitting:
        visible = [part for part in parts if not part.is_hidden] or list(parts)
        return _choosing(parts, [(max(visible, key=lambda part: part.rows), 0)])
    if len(fitting) == 1:
        return _choosing(parts, [(fitting[0].part, 0)])
    question = _question(fitting)
    answer = options.answers.get(SHEET)
    is_answered = answer in {choice.value for choice in question.choices}
    value = answer if is_answered else question.proposal
    taken = [(one.part, one.lines) for one in fitting if value in (one.part.name, ALL)]
    return _choosing(parts, taken, () if is_answered else (question,))


def _is_of_orders(header: Sequence[str], search: Search) -> bool:
    return find_mapping(header, search.file_name, search.rules).kind is Kind.ORDERS


def _text(head: bytes) -> str:
    """The beginning of a table; a member of an archive may be in another encoding."""
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return head.decode("cp1252", "replace")


def _choosing(
    parts: Sequence[Part], taken: Sequence[tuple[Part, int]], questions: tuple[Question, ...] = ()
) -> Choosing:
    if len(parts) == 1 and not parts[0].name:
        return Choosing(taken, (), questions)
    names = {part.name for part, _ in taken}
    others = [
        f"{part.name!r}{' (hidden)' * part.is_hidden}{' (empty)' * (not part.rows)}"
        for part in parts if part.name not in names
    ]  # fmt: skip
    text = f"Read: {_where(taken)}."
    if others:
        text += f" Not read: {_listed(others)}."
    return Choosing(taken, ({"about": SHEET, "text": text},), questions)


def _where(taken: Sequence[tuple[Part, int]]) -> str:
    """The names, and from which line on where there are several."""
    if len(taken) == 1:
        return f"{taken[0][0].name!r}"
    told, line = [], 1
    for part, _ in taken:
        told.append(f"{part.name!r} from line {line}")
        line += part.lines
    return ", ".join(told)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _question(fitting: Sequence[Fitting]) -> Question:
    """Which of them; all of them are proposed where their columns are the same."""
    are_alike = len({one.header for one in fitting}) == 1
    largest = max(fitting, key=lambda one: (one.is_of_orders, one.part.rows)).part
    choices = [
        Choice(one.part.name, f"{one.part.name} ({one.part.rows:,} rows)") for one in fitting
    ]
    if are_alike:
        choices.append(Choice(ALL, "All of them, one after the other"))
    return Question(
        about=SHEET,
        text="Several tables have the columns needed. Which one should be read?",
        found=_listed([f"{one.part.name!r}: {one.part.rows:,} rows" for one in fitting]),
        proposal=ALL if are_alike else largest.name,
        choices=tuple(choices),
    )
