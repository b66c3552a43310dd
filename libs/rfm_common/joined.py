"""Whom an id means, where some files name a customer by number and others by e-mail address."""

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql
from rfm_common.errors import NotFoundError
from rfm_common.identity import same_id


async def who_is(session: AsyncSession, customer_id: str) -> str:
    """The id under which the customer is kept, whether there is one or not."""
    key = same_id(customer_id)
    found = await run_sql(
        session, "SELECT joined_to FROM customers WHERE customer_id = :key", key=key
    )
    return found.scalar() or key


async def nobody(session: AsyncSession, customer_id: str, hint: str = "") -> NotFoundError:
    """Says that no customer has the id and, where it is somebody's e-mail address, whose."""
    owners = await run_sql(session, """
        SELECT customer_id FROM customers WHERE lower(email) = :email AND joined_to IS NULL
        ORDER BY customer_id LIMIT 3
        """, email=same_id(customer_id))  # fmt: skip
    if names := ", ".join(map(repr, owners.scalars())):
        hint = f"it is the e-mail address of {names}: name the customer by the id"
    told = f"no customer {customer_id!r}"
    return NotFoundError(f"{told}; {hint}" if hint else told, field="customer_id")
