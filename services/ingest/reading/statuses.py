"""What the words for an order's status mean: common ones are known, the others are asked about."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

import polars as pl

from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.names import key
from ingest.reading.questions import Choice, Question
from ingest.reading.yes_no import NO, YES
from rfm_common.counting import ABOUT_STATUS, COMPLETED, PENDING, STATUSES

COLUMN = "column.status"
"""The question whether the column is one of statuses at all."""
NO_STATUS, IS_STATUS = "none", "status"
"""The choices of that question."""
UNKNOWN_AT_MOST = 12
"""A column with more words that nobody knows is probably none of statuses."""
DIFFERENT_AT_MOST = 1000
"""Different words that are counted: a column with more has no statuses."""

_LABELS = {
    "completed": "Completed: the order counts",
    "cancelled": "Cancelled: it does not count",
    "refunded": "Refunded: it does not count",
    "pending": "Not paid yet: it does not count",
}
_CHOICES = tuple(Choice(status, _LABELS[status]) for status in STATUSES)


@cache
def _known() -> Mapping[str, str]:
    """The key of a word: what it means."""
    table = tomllib.loads(files(__package__).joinpath("statuses.toml").read_text("utf-8"))
    return {
        key(word): status
        for status, languages in table.items()
        for words in languages.values()
        for word in words
    }


def _key(word: str) -> str:
    return key(word.strip().removeprefix("wc-"))


def meaning(word: str, told: Mapping[str, str]) -> str | None:
    """The status that a word (trimmed, in lower case) stands for; None when nobody knows.

    `told` has what a person or an export says of words. A word without a letter or a digit, such
    as a dash, says as little as a blank cell: the order counts.
    """
    word = told.get(word, word)
    return _known().get(_key(word)) if _key(word) else COMPLETED


def translate(words: pl.Series, told: Mapping[str, str]) -> tuple[pl.Series, pl.Series]:
    """The statuses that words stand for, and the words: null where both are the same.

    A word that is not known stays as it is.
    """
    different = words.unique().to_list()
    found = {word: meaning(word, told) or word for word in different}
    if all(word == status for word, status in found.items()):
        return words, pl.Series([None], dtype=pl.String).new_from_index(0, len(words))
    statuses = words.replace_strict(found, return_dtype=pl.String)
    return statuses, words.set(words == statuses, None)


def is_counted(words: pl.Series, statuses: pl.Series, listed: frozenset[str]) -> pl.Series:
    """Which orders count, as `rfm_common.counting` has it for SQL."""
    if not listed:
        return (statuses == COMPLETED).fill_null(value=False)
    return words.fill_null(statuses).is_in(["", *listed]).fill_null(value=False)


@dataclass(slots=True)
class StatusCount:
    """How many rows of a file have which word."""

    words: Counter[str] = field(default_factory=Counter)
    rows: int = 0

    @classmethod
    def of(cls, words: pl.Series) -> "StatusCount":
        """The words of one series."""
        count = cls()
        count.add(words)
        return count

    def add(self, words: pl.Series) -> None:
        """Count a batch; words beyond DIFFERENT_AT_MOST are not told apart any more."""
        self.rows += len(words)
        if len(self.words) <= DIFFERENT_AT_MOST:
            counted = words.value_counts()
            self.words.update(dict(counted.iter_rows()))

    def unknown(self, told: Mapping[str, str]) -> list[str]:
        """The words that nobody knows, the commonest first."""
        found = [word for word in self.words if meaning(word, told) is None]
        return sorted(found, key=lambda word: (-self.words[word], word))

    def questions(self, mapping: Meaning) -> tuple[Question, ...]:
        """What has to be asked about these words."""
        told, what = mapping.statuses, "rows" if mapping.line_items else "orders"
        unknown = self.unknown(told)
        if len(unknown) > UNKNOWN_AT_MOST:
            return (self._whether_at_all(unknown),)
        nothing_counts = not any(meaning(word, told) == COMPLETED for word in self.words)
        return tuple(
            self._about(word, what, is_likely=nothing_counts and not place)
            for place, word in enumerate(unknown)
        )

    def _about(self, word: str, what: str, *, is_likely: bool) -> Question:
        found = f"{self.words[word]:,} of {self.rows:,} {what} have it"
        return question_about(
            word, found, _resembling(word) or (COMPLETED if is_likely else PENDING)
        )

    def _whether_at_all(self, unknown: list[str]) -> Question:
        shown = ", ".join(repr(word) for word in unknown[:5])
        return Question(
            about=COLUMN,
            text="Does this column hold the status of orders? Many of its words are unknown.",
            found=f"{len(unknown):,} unknown words, such as {shown}",
            proposal=NO_STATUS,
            choices=(
                Choice(NO_STATUS, "No: every order counts"),
                Choice(IS_STATUS, "Yes: orders with an unknown word do not count"),
            ),
        )

    def listed(self, told: Mapping[str, str], counted: frozenset[str]) -> list[dict[str, object]]:
        """For the import: each word, how many rows have it, and what it was taken for."""
        common = self.words.most_common(50)
        words = pl.Series([word for word, _ in common], dtype=pl.String)
        statuses, own = translate(words, told)
        counts = is_counted(own, statuses, counted)
        return [
            {"word": word, "rows": rows, "status": status, "is_counted": counts_it}
            for (word, rows), status, counts_it in zip(common, statuses, counts, strict=True)
        ]


def question_about(word: str, found: str, proposal: str) -> Question:
    """What a word means."""
    return Question(
        about=ABOUT_STATUS + word,
        text=f"What does the status {word!r} mean? Do its orders count?",
        found=found, proposal=proposal, choices=_CHOICES,
    )  # fmt: skip


def _resembling(word: str) -> str | None:
    """What the longest known word inside this one means, such as `shipped via dhl`; of yes and no,
    which are no codes of digits, what they say of an order that is there."""
    if not word.isdigit() and word in YES | NO:
        return COMPLETED if word in YES else PENDING
    found = [known for known in _known() if known in _key(word) and _tells(known)]
    return _known()[max(found, key=len)] if found else None


def _tells(known: str) -> bool:
    return len(known) >= (5 if known.isascii() else 2)


def as_answered(mapping: Meaning, headers: Sequence[str], answers: Mapping[str, str]) -> Meaning:
    """The mapping with what a person said of words, or without the column that has none."""
    if answers.get(COLUMN) == NO_STATUS and "status" in mapping.columns:
        columns = {ours: at for ours, at in mapping.columns.items() if ours != "status"}
        name = headers[mapping.columns["status"]].strip()
        return replace(mapping, columns=columns, ignored=[*mapping.ignored, name])
    told = {about.removeprefix(ABOUT_STATUS): status for about, status in answers.items()
            if about.startswith(ABOUT_STATUS)}  # fmt: skip
    return replace(mapping, statuses={**mapping.statuses, **told}) if told else mapping


def asks_for_words(
    mapping: Meaning, answers: Mapping[str, str], counted_words: frozenset[str]
) -> bool:
    """Whether a word that is not known is to be asked about: not where an operator lists words."""
    return "status" in mapping.columns and not counted_words and answers.get(COLUMN) != IS_STATUS


def own_words(rows: pl.DataFrame) -> pl.Series:
    """What the file says in these rows."""
    return rows.select(pl.coalesce("status_word", "status")).to_series()


def clean(raw: pl.Series) -> pl.Series:
    """Words trimmed and in lower case."""
    return raw.str.strip_chars().str.to_lowercase()
