"""What the page of a file that waits shows, put together from what ingest found out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.imports.decision_schemas import Preview, Way
from gateway.imports.schemas import QuestionRow

FIELD = "answer."
"""Begins the names of the form's fields."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the answer that is chosen in the form."""

    question: QuestionRow
    chosen: str

    @property
    def name(self) -> str:
        """Of the form's field."""
        return f"{FIELD}{self.question.about}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits: its questions and what the chosen answers would give."""

    import_id: int
    asked: list[Asked]
    way: Way | None
    """None when this combination was not tried."""
    remembers: bool = True
    """Whether the form keeps the answers for files of the same header."""
    shows_rows: bool = True
    """Whether who asks may see the rows of files."""


def build_waiting(
    import_id: int,
    questions: Sequence[QuestionRow],
    preview: Preview,
    given: Mapping[str, str],
    *,
    shows_rows: bool,
) -> Waiting:
    """The view for the answers in `given`, a form's fields; the proposals where it has none."""
    asked = [Asked(question, _chosen(question, given)) for question in questions]
    way = _way_of(preview.ways, {item.question.about: item.chosen for item in asked})
    if way and not shows_rows:
        way = replace(way, rows=[], problems=[])
    remembers = "remember" in given or not answers_of(given)
    return Waiting(import_id, asked, way, remembers, shows_rows)


def _chosen(question: QuestionRow, given: Mapping[str, str]) -> str:
    answer = given.get(f"{FIELD}{question.about}")
    known = {choice.value for choice in question.choices}
    return answer if answer in known else question.proposal


def _way_of(ways: Sequence[Way], answers: Mapping[str, str]) -> Way | None:
    """The way that these answers choose; answers that change nothing about reading do not count."""
    return next(
        (way for way in ways
         if all(answers.get(about) == value for about, value in way.answers.items())),
        None,
    )  # fmt: skip


def answers_of(form: Mapping[str, str]) -> dict[str, str]:
    """The answers in a form's fields."""
    return {
        name.removeprefix(FIELD): value for name, value in form.items() if name.startswith(FIELD)
    }
