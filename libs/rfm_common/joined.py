"""Whom an id means, where some files name a customer by number and others by e-mail address."""

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql
from rfm_common.identity import same_id


async def who_is(session: AsyncSession, customer_id: str) -> str:
    """The id under which the customer is kept, whether there is one or not."""
    key = same_id(customer_id)
    found = await run_sql(
        session, "SELECT joined_to FROM customers WHERE customer_id = :key", key=key
    )
    return found.scalar() or key
