"""Which failures pass by themselves: a server that is away, a full disk, a lock."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rfm_common.errors import UnavailableError

_PASSING_CLASSES = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE: connection, rollback, resources, object in use, operator, system."""


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may help without anybody changing the file."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_passing(error.orig or Exception())
    state = getattr(error, "sqlstate", None)
    if state:
        return str(state)[:2] in _PASSING_CLASSES
    away = (OSError, TimeoutError, PoolTimeoutError, asyncpg.InterfaceError, UnavailableError)
    return isinstance(error, away)
