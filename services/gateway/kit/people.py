"""How many customers' e-mail addresses a request reads, for whoever limits and logs that."""

from collections.abc import Callable
from contextvars import ContextVar

Take = Callable[[int], None]
"""Counts rows with an e-mail address; may refuse them by raising."""

_take: ContextVar[Take | None] = ContextVar("customers", default=None)


def count_with(take: Take) -> None:
    """Count what this request reads from now on."""
    _take.set(take)


def note(kind: type, count: int) -> None:
    """Count rows of a kind, if it holds e-mail addresses and somebody counts."""
    take = _take.get()
    if take and count and hasattr(kind, "email"):
        take(count)
