"""What is known about files of one header, and what a load adds to it."""

from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.reading.preview import as_rule
from ingest.reading.reader import Layout
from rfm_common.db import Sessions, run_sql
from rfm_common.models import FileProfile, Import


async def find(sessions: Sessions, fingerprint: str) -> FileProfile | None:
    """The profile of a header."""
    async with sessions() as session:
        query = select(FileProfile).where(col(FileProfile.fingerprint) == fingerprint)
        return (await session.exec(query)).first()


async def note_use(session: AsyncSession, row: Import, layout: Layout) -> None:
    """Count a file that was loaded, and keep what it proves; a file that proves nothing, of a
    header that nobody knows, leaves nothing."""
    now, rule = datetime.now(UTC), as_rule(layout.mapping, layout.headers)
    if layout.learned:
        await run_sql(session, """
            INSERT INTO file_profiles (name, fingerprint, kind)
            VALUES (:name, :fingerprint, :kind) ON CONFLICT (fingerprint) DO NOTHING
            """, name=row.file_name, fingerprint=row.fingerprint,
            kind=layout.mapping.kind.value)  # fmt: skip
    query = select(FileProfile).where(col(FileProfile.fingerprint) == row.fingerprint)
    profile = (await session.exec(query.with_for_update())).first()
    if profile:
        profile.headers = [header.strip() for header in layout.headers]
        profile.mapping = rule
        profile.learned = profile.learned | layout.learned
        profile.used_count += 1
        profile.last_used_at = now
        session.add(profile)
