"""Keeping customers out of scores: guests, tests, wholesale."""

from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.db import run_sql
from rfm_common.joined import nobody, who_is
from rfm_common.models import Customer
from rfm_common.versions import change_without_file

_FORGET = """
DELETE FROM customers c WHERE customer_id = :key AND import_id IS NULL
  AND NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = c.customer_id)
"""


async def set_excluded(
    session: AsyncSession, customer_id: str, actor: str, *, excluded: bool
) -> Customer:
    """Keep a customer out of scores from the next run on, or let them in again.

    Who is let in again and whom no file names any more goes: only the exclusion kept the row.

    What is so already stays as it is, without an entry in the audit log. The log names nobody: its
    entry is of the moment that the customer's row has. Raises NotFoundError.
    """
    key = await who_is(session, customer_id)
    customer = await session.get(Customer, key, with_for_update=True)
    if customer is None:
        raise await nobody(session, customer_id)
    if excluded == (customer.excluded_at is not None):
        return customer
    since = datetime.now(UTC) if excluded else customer.excluded_at
    customer.excluded_at = since if excluded else None
    session.add(customer)
    await run_sql(session, "UPDATE customers SET excluded_at = :since WHERE joined_to = :key",
                  since=customer.excluded_at, key=key)  # fmt: skip
    if not excluded:
        await run_sql(session, _FORGET, key=key)
    action: audit.Action = "customer.exclude" if excluded else "customer.include"
    audit.record(session, actor, action, detail={"excluded_at": str(since)})
    await change_without_file(session)
    return customer
