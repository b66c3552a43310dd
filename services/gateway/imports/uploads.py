"""Publishing an upload: its files get their names and their ledger rows, once for each key."""

from datetime import timedelta
from functools import partial

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.imports.batch import Batch, Part
from rfm_common.arrivals import claim_name, identity_text, new_row
from rfm_common.db import Sessions, run_sql
from rfm_common.errors import ConflictError
from rfm_common.models import Import, UploadKey

KEPT = timedelta(hours=24)
"""How long a key is known."""


async def publish(
    sessions: Sessions, batch: Batch, actor: str, key: str | None = None
) -> list[int]:
    """Give the files their names and their rows in the ledger; returns the ids of the rows.

    With a key that was used for the same files before, the ids of then, and nothing is published.
    Raises ConflictError when it was used for others. The names are locked until the rows are
    committed, so that ingest finds each row with its file. Where the database goes away between
    the two, the files stay, whole, and are loaded; the same bytes sent again change nothing.
    """
    async with sessions() as session, session.begin():
        if key and (earlier := await _claim_key(session, actor, key, batch.digest)):
            return earlier
        await batch.publish(partial(claim_name, session))
        rows = [_row_of(part) for part in batch.parts]
        session.add_all(rows)
        await session.flush()
        ids = [row.import_id for row in rows]
        if key:
            used = await session.get_one(UploadKey, (actor, key))
            used.import_ids = ids
    return ids


async def _claim_key(session: AsyncSession, actor: str, key: str, digest: str) -> list[int]:
    """The imports of the upload that used the key; none when this is its first use.

    Of two at the same moment the second waits here for the first.
    """
    await run_sql(
        session, "DELETE FROM upload_keys WHERE created_at < now() - CAST(:kept AS interval)",
        kept=KEPT,
    )  # fmt: skip
    added = await run_sql(
        session, "INSERT INTO upload_keys (actor, idempotency_key, digest)"
        " VALUES (:actor, :key, :digest) ON CONFLICT DO NOTHING RETURNING digest",
        actor=actor, key=key, digest=digest,
    )  # fmt: skip
    if added.scalar():
        return []
    used = await session.get_one(UploadKey, (actor, key))
    if used.digest != digest:
        raise ConflictError(
            "this Idempotency-Key was used for other files; use a new key for each upload",
            field="Idempotency-Key", import_ids=used.import_ids,
        )  # fmt: skip
    return used.import_ids


def _row_of(part: Part) -> Import:
    row = new_row(part.file_name)
    row.size_bytes = part.status.st_size
    row.file_identity = identity_text(
        part.status.st_ino, part.status.st_size, part.status.st_mtime_ns
    )
    return row
