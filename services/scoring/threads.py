"""How many threads the numerical libraries use."""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Several threads add up in an order, and so to a last bit, of their own.

    On a busy machine they also wait for each other longer than a small computation takes.
    """
    limit: AbstractContextManager[object] = _libraries().limit(limits=1)
    return limit


@cache
def _libraries() -> ThreadpoolController:
    """The libraries that start threads; finding them takes longer than a small fit."""
    return ThreadpoolController()
