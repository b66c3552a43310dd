"""Profiles, and the previews of files that wait."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.imports.decision_schemas import Preview, ProfileRow
from gateway.kit import rows

_COLUMNS = """profile_id, name, kind, headers, questions, answers, learned, import_id, used_count,
    created_at, last_used_at"""


async def list_profiles(session: AsyncSession) -> list[ProfileRow]:
    """Every profile, by name."""
    return await rows.many(
        session, ProfileRow,
        f"SELECT {_COLUMNS} FROM file_profiles ORDER BY name, profile_id",
    )  # fmt: skip


async def find_profile(session: AsyncSession, profile_id: int) -> ProfileRow | None:
    """One profile."""
    return await rows.one(
        session, ProfileRow,
        f"SELECT {_COLUMNS} FROM file_profiles WHERE profile_id = :id",
        id=profile_id,
    )  # fmt: skip


async def find_rule(session: AsyncSession, profile_id: int) -> dict[str, Any] | None:
    """What a profile's columns mean, in the words of mapping.toml."""
    rule: dict[str, Any] | None = await rows.scalar(
        session, "SELECT mapping FROM file_profiles WHERE profile_id = :id", id=profile_id
    )
    return rule


async def find_preview(session: AsyncSession, import_id: int) -> Preview | None:
    """The preview of an import with its first rows; empty unless the file waits."""
    return await rows.one(
        session, Preview,
        "SELECT coalesce(preview -> 'headers', '[]') AS headers,"
        " coalesce(preview -> 'ways', '[]') AS ways FROM imports WHERE import_id = :id",
        id=import_id,
    )  # fmt: skip
