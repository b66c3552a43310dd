"""Answers that break off after they began: the server cuts them, and the log says why."""

import logging
from collections.abc import Iterator

from litestar.exceptions import LitestarException

from gateway.kit.streams import IncompleteError
from rfm_common.errors import RfmError
from rfm_common.faults import is_passing

log = logging.getLogger("rfm.gateway")


def tell_broken(path: str, error: Exception) -> None:
    """One line for what happens to a product without faults; else the traceback as well."""
    reasons = list(_reasons(error))
    is_ordinary = all(is_passing(one) or isinstance(one, _EXPECTED) for one in reasons)
    words = ", ".join(f"{type(one).__name__}: {one}" for one in reasons)
    log.log(
        logging.WARNING if is_ordinary else logging.ERROR,
        "an answer was broken off: %s: %s", path, words, exc_info=None if is_ordinary else error,
    )  # fmt: skip


_EXPECTED = (RfmError, IncompleteError)


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """What is behind the framework's exceptions and groups."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _reasons(one)
    elif isinstance(error, LitestarException) and error.__cause__:
        yield from _reasons(error.__cause__)
    else:
        yield error
