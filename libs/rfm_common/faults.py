"""Which failures pass by themselves: a server that is away, a full disk, a lock."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rfm_common.errors import UnavailableError

_PASSING_CLASSES = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE: connection, rollback, resources, object in use, operator, system."""
LOCKED = frozenset({"55P03", "40P01"})
"""lock_not_available, deadlock_detected."""
_AWAY = (
    OSError,
    TimeoutError,
    PoolTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what was left unread of the server's last words
    UnavailableError,
)


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may help without anybody changing the file."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_passing(error.orig or Exception())
    state = getattr(error, "sqlstate", None)
    if state:
        return str(state)[:2] in _PASSING_CLASSES
    return isinstance(error, _AWAY)


def is_locked_out(error: BaseException) -> bool:
    """Whether somebody else held a lock for too long."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) in LOCKED


def is_unfit(error: BaseException) -> bool:
    """Whether the database refuses a value itself, such as a NUL byte (SQLSTATE class 22)."""
    return (getattr(getattr(error, "orig", error), "sqlstate", None) or "").startswith("22")
