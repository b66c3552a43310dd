"""Customers whose segment is another one than at an earlier date."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from gateway.kit.schemas import Answer, DefinitionChange, Money

ChangeCause = Literal[
    "new_customer", "new_order", "ageing", "correction", "definition", "model", "left"
]


class Change(Answer):
    """One customer, then and now."""

    customer_id: str
    email: str | None
    country: str | None
    from_segment: Annotated[str | None, Meta(description="null: was not there yet")]
    to_segment: Annotated[str | None, Meta(description="null: is not there any more")]
    cause: Annotated[
        ChangeCause,
        Meta(description="`model`: the model moved underneath a customer who stayed"),
    ]
    monetary_before: Money | None
    monetary_after: Money | None


class Changes(Answer):
    """All changes of a segment (who came, who went), or of `all`, in order of id."""

    segment_name: str
    from_date: Annotated[datetime, Meta(description="The snapshot that `since` led to")]
    to_date: datetime
    definition_change: DefinitionChange
    total: Annotated[int, Meta(description="How many changes follow")]
    changes: list[Change]
