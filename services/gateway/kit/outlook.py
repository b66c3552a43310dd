"""What customers are expected to buy, as columns beside their other figures."""
# ruff: noqa: S608 - what is put into the statement are columns and a table

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, get_args

from msgspec import Meta
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.rows import money
from gateway.kit.schemas import Snapshot
from rfm_common.db import run_sql
from rfm_common.errors import ConflictError
from rfm_common.models import CustomerValue

Chance = Annotated[
    float, Meta(description="The chance of an order within 90 days, 0 to 1", examples=[0.63])
]
HalfBack = Annotated[
    int | None,
    Meta(
        description="Days until half of customers like this one have ordered again; null: not"
        " within ten years"
    ),
]
Overdue = Annotated[
    float | None,
    Meta(
        description="The silence as a multiple of the customer's own mean gap between orders;"
        " null with fewer than two gaps",
        examples=[1.7],
    ),
]
FIGURES = tuple(
    name for name in CustomerValue.model_fields if name not in ("customer_id", "calc_date")
)
_AMOUNTS = {name for name in FIGURES if Decimal in get_args(CustomerValue.__annotations__[name])}
SHOWN = {
    "expected_revenue_90": (
        "Expected revenue (90 days)",
        "What customers like this one bring on average in the 90 days after the snapshot",
    ),
    "buys_again_90": (
        "Chance to buy again",
        "Of customers like this one, how many order again in the 90 days after the snapshot",
    ),
    "overdue": (
        "Overdue",
        "The time since the last order as a multiple of this customer's usual time between orders:"
        " 2 × is twice as long as usual. It takes orders on three days to know",
    ),
}
"""Those that lists on pages have: heading, and what it means."""
PENDING = (
    "what customers are expected to buy is not computed yet for this snapshot: it takes some"
    " seconds after a run"
)


def figure_columns() -> str:
    """SQL: FIGURES of `v`, a row of `customer_values`."""
    return ", ".join(
        f"{money(f'v.{name}')} AS {name}" if name in _AMOUNTS else f"v.{name}" for name in FIGURES
    )


def outlook_columns(snapshot: Snapshot) -> str:
    """The same of a row that `outlook_join` joins; empty before they are computed."""
    if snapshot.has_outlook:
        return figure_columns()
    return ", ".join(f"NULL AS {name}" for name in FIGURES)


def outlook_join(snapshot: Snapshot) -> str:
    """SQL: the figures of each customer of the tables before, as `v`."""
    return f" LEFT JOIN {snapshot.values} v USING (customer_id)" if snapshot.has_outlook else ""


async def find_figures(
    session: AsyncSession, snapshot: Snapshot, customer_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """FIGURES of those of the customers who have any."""
    if not snapshot.has_outlook:
        return {}
    found = await run_sql(
        session,
        f"SELECT customer_id, {figure_columns()} FROM {snapshot.values} v"
        " WHERE customer_id = ANY(:ids) AND expected_orders_90 IS NOT NULL",
        ids=customer_ids,
    )
    return {row.pop("customer_id"): row for row in map(dict, found.mappings())}


def require_outlook(snapshot: Snapshot) -> None:
    """Raise ConflictError before the figures are computed."""
    if not snapshot.has_outlook:
        raise ConflictError(f"{PENDING}; ask again then, or sort and filter by other figures")
