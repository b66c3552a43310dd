"""Who went from which segment to which between two snapshots."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.kit.schemas import Answer, DefinitionChange, Money


class Flow(Answer):
    """Customers that went the same way."""

    from_segment: Annotated[str | None, Meta(description="null: not in the earlier snapshot")]
    to_segment: Annotated[str | None, Meta(description="null: not in the later snapshot")]
    cause: Annotated[
        str | None, Meta(description="Known between a run and the one before it, else null")
    ]
    customers: int
    monetary_before: Money
    monetary_after: Money


class Mover(Answer):
    """A customer who changed segment."""

    customer_id: str
    from_segment: str
    to_segment: str
    monetary_before: Money
    monetary_after: Money
    expected_revenue_90: Annotated[
        Money | None,
        Meta(description="In the 90 days after the later snapshot; null until it is computed"),
    ]


class Migrations(Answer):
    """All flows between two dates; `movers` only when asked for, the biggest money first."""

    from_date: datetime
    to_date: datetime
    definition_change: DefinitionChange
    flows: list[Flow]
    movers: list[Mover] | None = None


class Movers(Answer):
    """Customers who changed segment between two dates, the biggest money first."""

    from_date: datetime
    to_date: datetime
    definition_change: DefinitionChange
    movers: list[Mover]
