"""Requests to remove a person; never whom they are about."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import Page
from gateway.privacy.schemas import ErasureRow

_COLUMNS = "erasure_id, state, removed, actor, requested_at, finished_at"


async def erasure_page(session: AsyncSession, page: Page) -> list[ErasureRow]:
    """One page, newest first."""
    statement = f"SELECT {_COLUMNS} FROM erasures ORDER BY erasure_id DESC LIMIT :size OFFSET :skip"
    return await rows.many(session, ErasureRow, statement, **page.window)


async def count_erasures(session: AsyncSession) -> int:
    """How many were ever requested."""
    return int(await rows.scalar(session, "SELECT count(*) FROM erasures"))


async def find_erasure(session: AsyncSession, erasure_id: int) -> ErasureRow | None:
    """One request."""
    statement = f"SELECT {_COLUMNS} FROM erasures WHERE erasure_id = :erasure_id"
    return await rows.one(session, ErasureRow, statement, erasure_id=erasure_id)
