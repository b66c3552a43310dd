"""How PostgreSQL is to plan the lists, where it cannot know: set for the rest of a transaction.

Statements are prepared once per connection, and from the sixth time on the server may plan them
without their values. It then does not know the beginning that a text asks for, and looks at
every customer instead of a range of an index.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql

Plan = dict[str, str]
BY_VALUES: Plan = {"plan_cache_mode": "force_custom_plan"}
BY_INDEX: Plan = BY_VALUES | {"enable_bitmapscan": "off", "enable_seqscan": "off"}
"""As far as a LIMIT asks, however many there are: nobody counted how many begin with a text."""
ANY_WAY: Plan = {"enable_bitmapscan": "on", "enable_seqscan": "on"}


async def plan(session: AsyncSession, wanted: Plan) -> None:
    """Have the following statements of the transaction planned so."""
    names = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in wanted.items())
    await run_sql(session, f"SELECT {names}")
