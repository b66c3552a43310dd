"""Finding customers by text: by the beginning, which an index knows; else by any part.

Ids are compared byte by byte and e-mail addresses in lower case, so that a beginning is a range
of each index. Only when nothing begins with the text every customer is looked at once.
"""

from dataclasses import replace
from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.filters import Condition
from gateway.kit import rows
from gateway.kit.planner import ANY_WAY, BY_INDEX, plan

MANY = 5_000
"""Beyond so many finds the list asks each customer in its order, and soon has a page full."""


class Found(NamedTuple):
    """Who is found by a text."""

    condition: Condition
    is_many: bool
    """More than MANY."""

    def soon(self) -> Condition:
        """The condition for who needs the first few only.

        Hidden from the planner, which would guess that hardly anybody passes, and sort them all.
        """
        if not self.is_many:
            return self.condition
        return replace(self.condition, sql=f"coalesce({self.condition.sql}, false)")


async def found_by(session: AsyncSession, text: str) -> Found:
    """The condition that a customer is found by the text."""
    await plan(session, BY_INDEX)
    condition, ids = _beginning(text), await _begun(session, text)
    await plan(session, ANY_WAY)
    if not ids:
        condition = _part(text)
        ids = await _ids(session, _few(condition.sql), condition.values)
    if len(ids) > MANY:
        return Found(condition, is_many=True)
    return Found(Condition(_AMONG, {"ids": ids}), is_many=False)


async def _begun(session: AsyncSession, text: str) -> list[str]:
    """Each range by itself, for one that is long must not be read to its end."""
    ranges = " UNION ALL ".join(_few(condition) for condition in _RANGES)
    return await _ids(session, f"SELECT DISTINCT customer_id FROM ({ranges})", _cases(text))


async def _ids(session: AsyncSession, statement: str, values: dict[str, str]) -> list[str]:
    """As one value: so many rows would take longer than finding them."""
    found: list[str] | None = await rows.scalar(
        session, f"SELECT array_agg(customer_id) FROM ({statement})", **values
    )
    return found or []


def _few(condition: str) -> str:
    who = "coalesce(joined_to, customer_id) AS customer_id"
    return f"(SELECT {who} FROM customers u WHERE {condition} LIMIT {MANY + 1})"


# With the array itself the planner would expect to meet them soon in the order of the list.
_AMONG = "customer_id = ANY (ARRAY(SELECT unnest(CAST(:ids AS text[]))))"
_RANGES = (
    "u.customer_id LIKE :q_as_is", "u.customer_id LIKE :q_upper", "u.customer_id LIKE :q_lower",
    "lower(u.email) LIKE :q_lower",
)  # fmt: skip


def _cases(text: str) -> dict[str, str]:
    cases = {"q_as_is": text, "q_upper": text.upper(), "q_lower": text.lower()}
    return {name: f"{_literal(value)}%" for name, value in cases.items()}


def _beginning(text: str) -> Condition:
    return Condition(f"({' OR '.join(_RANGES)})", _cases(text), frozenset("u"))


def _part(text: str) -> Condition:
    return Condition(
        "(u.customer_id ILIKE :q_part OR u.email ILIKE :q_part)",
        {"q_part": f"%{_literal(text)}%"},
        frozenset("u"),
    )


def _literal(text: str) -> str:
    """Take the special meaning from the characters of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
