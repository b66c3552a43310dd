"""Which errors a run outlives: a server that restarts, a lock that is held. Pure."""

from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from rfm_common.faults import LOCKED, is_passing

REPLACED = "42P01"
"""undefined_table: a snapshot that another run replaced between two statements of this one."""


def is_locked_out(error: BaseException) -> bool:
    """Whether somebody else held a lock for too long."""
    return any(_sqlstate(one) in LOCKED for one in _causes(error))


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed a moment later."""
    return any(is_passing(one) or _sqlstate(one) == REPLACED for one in _causes(error))


def describe(error: BaseException) -> str:
    """The error in one line; of a group, its first member."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, the members of a group, and what a driver's wrapper hides."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    if isinstance(error, DBAPIError) and error.orig is not None:
        yield error.orig
        if error.orig.__cause__:
            yield error.orig.__cause__


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error, "sqlstate", None)
