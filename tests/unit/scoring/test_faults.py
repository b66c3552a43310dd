"""Which errors a run outlives."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from scoring.engines import EngineAwayError
from scoring.engines.protocol import EngineError
from scoring.runs.faults import describe, is_locked_out, is_transient

PASSING = (
    ConnectionRefusedError("nobody listens"),
    TimeoutError(),
    EngineAwayError("Spark is away"),
    asyncpg.UndefinedTableError("the base was replaced by another run while this one read it"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.LockNotAvailableError("somebody reads"),
    asyncpg.PostgresIOError("could not read block 7"),
    asyncpg.DiskFullError("no space left on device"),
    PoolTimeoutError("no connection is free"),
    DBAPIError("SELECT 1", None, asyncpg.AdminShutdownError("terminating connection")),
)
LASTING = (ValueError("a bug"), EngineError("Spark refused"), asyncpg.UndefinedColumnError("c"))


@pytest.mark.parametrize("error", PASSING, ids=describe)
def test_what_may_succeed_a_moment_later(error) -> None:
    assert is_transient(error)
    assert is_transient(ExceptionGroup("tasks", [error]))


@pytest.mark.parametrize("error", LASTING, ids=describe)
def test_what_would_fail_again(error) -> None:
    assert not is_transient(error)


def test_a_held_lock_is_told_from_the_rest() -> None:
    assert is_locked_out(asyncpg.LockNotAvailableError("somebody reads"))
    assert not is_locked_out(asyncpg.AdminShutdownError("terminating connection"))


def test_a_group_is_told_by_its_first_member() -> None:
    inner = ExceptionGroup("inner", [EngineAwayError("Spark is away")])
    assert describe(ExceptionGroup("outer", [inner])) == "EngineAwayError: Spark is away"
