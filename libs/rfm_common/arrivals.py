"""A file that comes into the watched folder: its row in the ledger, and who works on its name."""

import zlib

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql
from rfm_common.demo import PREFIX as DEMO_PREFIX
from rfm_common.models import Import

FILE_LOCKS = 8_701
"""The first half of the two-part advisory locks that say who works on which file name."""


async def claim_name(session: AsyncSession, file_name: str) -> bool:
    """Be the only one who works on this name until the transaction ends; False: another one is."""
    key = zlib.crc32(file_name.encode()) - 2**31
    answer = await run_sql(
        session, "SELECT pg_try_advisory_xact_lock(:space, :key)", space=FILE_LOCKS, key=key
    )
    return bool(answer.scalar())


def input_path(file_name: str) -> str:
    """`stored_path` of a file that has not been moved yet."""
    return f"input/{file_name}"


def identity_text(inode: int, size: int, mtime_ns: int) -> str:
    """What the ledger knows a file by; any write or replacement changes it, a rename does not.

    Without the device, whose number a restart of the machine may change.
    """
    return f"{inode}:{size}:{mtime_ns}"


def new_row(file_name: str) -> Import:
    """The row of a file that nobody has read yet."""
    is_demo = file_name.startswith(DEMO_PREFIX)
    return Import(file_name=file_name, is_demo=is_demo, stored_path=input_path(file_name))
