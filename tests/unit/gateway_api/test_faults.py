"""Every way to the database takes the same errors for passing, for unfit values and for bugs."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from gateway.kit.quick import Quick
from gateway.kit.schemas import SnapshotList
from gateway.web import errors
from rfm_common.errors import InvalidInputError, UnavailableError
from tests.unit.scoring.test_faults import PASSING


class BrokenPool:
    """A pool of one connection, whose every statement fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_max_size(self) -> int:
        return 1

    async def fetchrow(self, *_: object) -> None:
        raise self.error


async def ask(error: Exception) -> None:
    await Quick(BrokenPool(error)).one(SnapshotList, "SELECT 1")


DRIVER = [error for error in PASSING if isinstance(error, asyncpg.PostgresError | OSError)
          and not isinstance(error, asyncpg.UndefinedTableError)]  # fmt: skip


@pytest.mark.parametrize("error", [*DRIVER, asyncpg.DeadlockDetectedError("x")], ids=repr)
async def test_what_passes_is_answered_with_503(error, request) -> None:
    with pytest.raises(UnavailableError):
        await ask(error)
    wrapped = DBAPIError("SELECT 1", None, error)
    assert errors.on_database_error(FakeRequest(), wrapped).status_code == 503  # type: ignore[arg-type]


class FakeRequest:
    """As much of a request as the log wants."""

    class url:  # noqa: N801 - as the framework calls it
        path = "/segments"


@pytest.mark.parametrize(
    "error",
    [asyncpg.CharacterNotInRepertoireError("0x00"), asyncpg.NumericValueOutOfRangeError("9")],
)
async def test_what_does_not_fit_is_answered_with_400(error) -> None:
    with pytest.raises(InvalidInputError):
        await ask(error)
    wrapped = DBAPIError("SELECT 1", None, error)
    assert errors.on_database_error(FakeRequest(), wrapped).status_code == 400  # type: ignore[arg-type]


async def test_a_bug_stays_a_bug() -> None:
    error = asyncpg.UndefinedColumnError("x")
    with pytest.raises(asyncpg.UndefinedColumnError):
        await ask(error)
    wrapped = DBAPIError("SELECT 1", None, error)
    assert errors.on_database_error(FakeRequest(), wrapped).status_code == 500  # type: ignore[arg-type]
