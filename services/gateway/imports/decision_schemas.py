"""Decisions and profiles as the API sends and receives them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.kit.schemas import Answer, Body
from rfm_common.models import Kind


class Decision(Body, frozen=True):
    """What a person decided about a file that waits."""

    answers: Annotated[
        dict[str, str],
        Meta(
            description="For each question its `about` and the `value` of a choice;"
            ' `{"file": "refuse"}` alone refuses the file',
            examples=[{"rejects": "load_good"}],
        ),
    ]
    remember: Annotated[bool, Meta(description="Read files of the same header so from now on")] = (
        False
    )


class OtherStatuses(Body, frozen=True):
    """What statuses of a loaded file mean, otherwise than it was read."""

    answers: Annotated[
        dict[str, str],
        Meta(
            description="For each word of `notes.statuses` that is to mean something else,"
            " `status.` and the word: `completed`, `cancelled`, `refunded` or `pending`",
            examples=[{"status.closed": "cancelled"}],
        ),
    ]
    remember: Annotated[bool, Meta(description="Read files of the same header so from now on")] = (
        False
    )


class PreviewRow(Struct):
    """One of the first rows."""

    line: int
    raw: Annotated[str, Meta(description="As it stands in the file")]
    cells: Annotated[dict[str, str | None], Meta(description="As it would be read")]
    problem: str | None = None


class PreviewProblem(Struct):
    """Why some rows would not load."""

    message: str
    column_name: str | None
    rows: int
    first_line: int


class PreviewNumbers(Struct):
    """What the file would bring, read in one way."""

    rows: Annotated[int, Meta(description="Without lines of totals and the like")] = 0
    rows_rejected: int = 0
    is_whole_file: Annotated[
        bool, Meta(description="Otherwise the numbers are of the beginning of a large file")
    ] = True
    customers: int | None = None
    orders: int | None = None
    orders_not_counted: Annotated[
        int | None, Meta(description="Orders whose status does not count")
    ] = None
    amounts: Annotated[
        dict[str, Decimal],
        Meta(description="What counts, by currency; '' is the shop's base currency"),
    ] = msgspec.field(default_factory=dict)
    first_day: Annotated[date | None, Meta(description="On the shop's clock")] = None
    last_day: date | None = None


class Way(Struct):
    """One way to read the file."""

    answers: dict[str, str]
    numbers: PreviewNumbers
    columns: Annotated[list[str], Meta(description="What the file has")] = msgspec.field(
        default_factory=list
    )
    rows: list[PreviewRow] = msgspec.field(default_factory=list)
    problems: list[PreviewProblem] = msgspec.field(default_factory=list)
    problem: Annotated[str | None, Meta(description="Why the file cannot be read so")] = None


class Preview(Struct):
    """What a person sees before deciding; empty unless the file waits."""

    headers: list[str] = msgspec.field(default_factory=list)
    ways: list[Way] = msgspec.field(default_factory=list)


class ProfileRow(Answer):
    """How files of one header are read."""

    profile_id: int
    name: str
    kind: Kind
    headers: Annotated[list[str], Meta(description="The columns as the file names them")]
    questions: Annotated[list[dict[str, Any]], Meta(description="What was asked, with its choices")]
    answers: Annotated[dict[str, str], Meta(description="What a person decided")]
    learned: Annotated[dict[str, str], Meta(description="What files of this header proved")]
    import_id: Annotated[int | None, Meta(description="For which import a person decided last")]
    used_count: int
    created_at: datetime
    last_used_at: datetime | None


class ProfileList(Answer):
    """Every profile, by name."""

    profiles: list[ProfileRow]


class ProfileChange(Body, frozen=True):
    """What to change; what is left out stays."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    answers: (
        Annotated[dict[str, str], Meta(description="An answer to each of its questions")] | None
    ) = None
