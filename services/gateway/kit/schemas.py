"""Types that several answers share."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct

from rfm_common.errors import InvalidInputError

Score = Annotated[int, Meta(ge=1, le=5, description="1 (worst) to 5 (best)")]
Share = Annotated[float, Meta(description="Part of the whole, 0 to 1")]
Rule = Annotated[str | None, Meta(description="How segments are named: `promises` or `classic`")]
DefinitionChange = Annotated[
    str | None,
    Meta(
        description="What to know before comparing: in what the window, k, rule or other settings"
        " of both snapshots differ, in one sentence; null when in nothing"
    ),
]
HasOutlook = Annotated[
    bool,
    Meta(
        description="Whether it is computed what customers are expected to buy: some seconds after"
        " a run; until then those figures are null"
    ),
]
Money = Annotated[Decimal, Meta(description="Exact decimal in the snapshot's base currency")]


_DAY = (
    r"((19|2\d)\d\d-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)"
    r"|02-(0[1-9]|1\d|2[0-8]))|((19|2\d)(0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)"
)
_TIME = r"T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-3]):[0-5]\d)?"
MOMENT = rf"^({_DAY}({_TIME})?)?$"
"""A date or a date-time, as the API describes it; other ISO forms of the same are taken too.

Empty as if it were not given: that is what a form sends.
"""
MOMENT_OR_LATEST = rf"^(latest|{_DAY}({_TIME})?)?$"


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of everything that is received."""

    @classmethod
    def strictly(cls, content: bytes) -> Self:
        """Decode again: the framework reads "5" as 5, which would hide a client's mistake.

        Raises InvalidInputError, which names the field.
        """
        try:
            return msgspec.json.decode(content, type=cls)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$.")
            field = place.rstrip("`") or "body"
            raise InvalidInputError(f"{field}: {message}", field=field) from error


class Answer(Struct, kw_only=True):
    """Base of everything that is only sent."""


class Snapshot(Answer):
    """The published scores of one date."""

    run_id: Annotated[int, Meta(description="The run that made it; its version", examples=[42])]
    calc_date: Annotated[datetime, Meta(description="The moment the scores look back from")]
    window_days: int
    k: int | None = None
    rule: Rule = None
    transform: str | None = None
    base_currency: str | None = None
    previous_run_id: int | None = None
    customers: int = 0
    clusters: int = 0
    data_version: Annotated[int, Meta(description="The data's version when this was read")] = 0
    has_outlook: HasOutlook = False
    ranks_by_value: Annotated[
        bool,
        Meta(
            description="Whether the shop's past has shown that expected value ranks customers"
            " better than plain figures do: `/values/trust`"
        ),
    ] = False

    @property
    def features(self) -> str:
        """Its partition of `rfm_features`."""
        return f"rfm_features_{self.run_id}"

    @property
    def assignments(self) -> str:
        """Its partition of `customer_clusters`."""
        return f"customer_clusters_{self.run_id}"

    @property
    def values(self) -> str:
        """Its partition of `customer_values`; it is there once `has_outlook`."""
        return f"customer_values_{self.run_id}"

    @property
    def tables(self) -> tuple[str, ...]:
        """Its partitions that exist."""
        later = (self.values,) if self.has_outlook else ()
        return (self.features, self.assignments, *later)


class SnapshotList(Answer):
    """Every date that has scores, newest first."""

    snapshots: list[Snapshot]
