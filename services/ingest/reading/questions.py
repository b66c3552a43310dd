"""What a file leaves open: a question with what was found, a proposal and the choices.

A question is answered by its key: `Options.answers` maps `Question.about` to the value of a
choice. What a file proves about its source (`Layout.learned`) answers the same question for the
next file of that header (`Options.learned`), after what a person said.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to read what is open."""

    value: str
    """For programs: what an answer passes back."""
    label: str
    """For people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that a person can read in two ways."""

    about: str
    """The key, such as `date_order`, `decimal_mark`, `encoding`, `lines`, `rejects`,
    `column.customer_id` or `status.shipped`."""
    text: str
    """The question as a sentence."""
    found: str
    """What was seen: a value, its line, a count."""
    proposal: str
    """The value of the choice that the evidence favours."""
    choices: tuple[Choice, ...]


def fingerprint(headers: Sequence[str]) -> str:
    """What files of one source have in common: the names of their columns, in order, as a hash.

    Case and surrounding space do not count.
    """
    names = "\x1f".join(header.strip().casefold() for header in headers)
    return hashlib.sha256(names.encode()).hexdigest()
