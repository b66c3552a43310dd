"""The ledger of dropped files."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Self

from msgspec import Meta
from msgspec.structs import replace

from gateway.kit.schemas import Answer
from rfm_common.models import ImportState, Kind, RowOutcome, Undo


class ImportRow(Answer):
    """One file that was seen."""

    import_id: int
    file_name: str
    kind: Kind | None
    state: ImportState
    size_bytes: int
    rows_total: int
    rows_new: int
    rows_updated: int
    rows_unchanged: int
    rows_superseded: int
    rows_rejected: int
    reason: str | None
    message: str | None
    is_demo: bool
    data_version: int | None
    started_at: datetime
    finished_at: datetime | None


class ImportList(Answer):
    """One page of the ledger, newest first."""

    page: int
    page_size: int
    total: int
    imports: list[ImportRow]


class RejectRow(Answer):
    """A row that did not load, or that a later row of its file replaced."""

    outcome: RowOutcome
    line: int
    column_name: str | None
    value: str | None
    reason: str
    message: str
    raw: str | None


class RejectGroup(Answer):
    """How often one reason occurs in a file."""

    reason: str
    column_name: str | None
    rows: int
    first_line: int
    example: str | None


class ChoiceRow(Answer):
    """One way to answer."""

    value: str
    label: str


class QuestionRow(Answer):
    """Something that only a person can tell."""

    about: Annotated[str, Meta(description="The key that an answer names", examples=["rejects"])]
    text: str
    found: Annotated[str, Meta(description="What was seen in the file")]
    proposal: Annotated[str, Meta(description="The choice that the evidence favours")]
    choices: list[ChoiceRow]


class Correction(Answer):
    """Other meanings of the file's statuses."""

    answers: Annotated[
        dict[str, str], Meta(description="By word", examples=[{"status.closed": "cancelled"}])
    ]
    remember: Annotated[
        bool, Meta(description="Whether they also apply to later files with the same header")
    ]


class ImportDetail(ImportRow):
    """A file with what was found out about it and why rows did not load."""

    questions: Annotated[
        list[QuestionRow], Meta(description="What the file leaves open, or left open")
    ]
    answers: Annotated[dict[str, str], Meta(description="What a person decided")]

    undo: Annotated[Undo | None, Meta(description="An undo that ingest has yet to carry out")]
    correction: Annotated[
        Correction | None, Meta(description="A change of statuses that ingest has yet to carry out")
    ]
    sha256: str | None
    duplicate_of: int | None
    stored_path: str | None
    notes: dict[str, Any]
    effects: dict[str, Any]
    reject_groups: list[RejectGroup]

    def without_examples(self) -> Self:
        """For whoever may not see what stands in the file."""
        groups = [replace(group, example=None) for group in self.reject_groups]
        return replace(self, reject_groups=groups)


class UndoOutlook(Answer):
    """What an undo would change, as far as the ledger can tell."""

    rows: Annotated[
        int, Meta(description="Rows that are as this import left them: they go, or get the value"
                  " that another file has")
    ]  # fmt: skip
    files: Annotated[int, Meta(description="Other imports whose files may have some of them")]
    missing: Annotated[
        list[str], Meta(description="Those whose file is gone: where one is needed, the undo is"
                        " refused unless it is forced")
    ]  # fmt: skip


class Dropped(Answer):
    """The names that files got in the watched folder."""

    files: Annotated[list[str], Meta(examples=[["orders.csv"]])]
    message: str

    @classmethod
    def of(cls, names: list[str]) -> Self:
        """The answer, with how many in words."""
        return cls(files=names, message=received(names))


def received(names: list[str]) -> str:
    """How many files came, in words."""
    return f"{len(names)} in the folder, loading follows"


class UploadAnswer(Dropped):
    """The files that an upload brought, with what has become of each so far."""

    imports: Annotated[list[ImportRow], Meta(description="A row of the ledger for each file")]

    @classmethod
    def about(cls, imports: list[ImportRow]) -> Self:
        """The answer, with how far the files are in words."""
        names = [row.file_name for row in imports]
        states = Counter(row.state for row in imports)
        ended = ImportState.READING not in states
        message = ", ".join(f"{count} {state.value}" for state, count in states.items())
        return cls(files=names, message=message if ended else received(names), imports=imports)


class DemoRemoved(Answer):
    """What was taken out; `data_version` is null when there was nothing."""

    customers: int
    orders: int
    data_version: int | None
