"""The version of the data: counted up with every change, and what the scores have to reach."""

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.bus import add_to_outbox
from rfm_common.db import run_sql
from rfm_common.events import DataChanged


async def next_version(session: AsyncSession) -> int:
    """Count the data up by one: what the scores then have to catch up with."""
    answer = await run_sql(session, """
        UPDATE data_state SET data_version = data_version + 1, changed_at = now()
        RETURNING data_version
        """)  # fmt: skip
    return int(answer.scalar_one())


async def change_without_file(session: AsyncSession) -> int:
    """The same, told as an event of its own: no import tells of it."""
    version = await next_version(session)
    add_to_outbox(session, DataChanged(data_version=version))
    return version
