"""Finding customers by text: by the beginning, which an index knows; else by any part.

Ids are compared byte by byte and e-mail addresses in lower case, so that a beginning is a range
of each index. Only when nothing begins with the text every customer is looked at once.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.queries.filters import Condition
from rfm_common.db import run_sql

MANY = 5_000
"""Beyond so many finds the list asks each customer in its order, and soon has a page full."""


async def found_by(session: AsyncSession, text: str) -> Condition:
    """The condition that a customer is found by the text."""
    for attempt in (_beginning(text), _part(text)):
        found = await run_sql(
            session,
            f"SELECT customer_id FROM customers u WHERE {attempt.sql} LIMIT {MANY + 1}",
            **attempt.values,
        )
        if ids := [row[0] for row in found]:
            break
    if len(ids) > MANY:
        return attempt
    return Condition("f.customer_id = ANY(:ids)", {"ids": ids})


def _beginning(text: str) -> Condition:
    cases = {"q_as_is": text, "q_upper": text.upper(), "q_lower": text.lower()}
    return Condition(
        "(u.customer_id LIKE :q_as_is OR u.customer_id LIKE :q_upper"
        " OR u.customer_id LIKE :q_lower OR lower(u.email) LIKE :q_lower)",
        {name: f"{_literal(value)}%" for name, value in cases.items()},
        frozenset("u"),
    )


def _part(text: str) -> Condition:
    return Condition(
        "(u.customer_id ILIKE :q_part OR u.email ILIKE :q_part)",
        {"q_part": f"%{_literal(text)}%"},
        frozenset("u"),
    )


def _literal(text: str) -> str:
    """Take the special meaning from the characters of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
