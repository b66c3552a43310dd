"""Every error a caller may meet; the docstring of a class is its message.

RfmError
├── NotFoundError            404 at the gateway
├── GoneError                410
├── InvalidInputError        400
├── ConflictError            409
└── UnavailableError         503
"""

from typing import TypeVar

T = TypeVar("T")


class RfmError(Exception):
    """Something went wrong."""

    def __init__(self, detail: str | None = None, /, **context: object) -> None:
        self.detail = detail or type(self).__doc__ or ""
        self.context = context
        super().__init__(self.detail)


class NotFoundError(RfmError):
    """There is no such thing."""


class GoneError(RfmError):
    """There was such a thing."""


class InvalidInputError(RfmError):
    """The request cannot be understood."""


class ConflictError(RfmError):
    """The request does not fit the present state."""


class UnavailableError(RfmError):
    """A server that this needs is away."""


def existing(found: T | None, what: str, field: str) -> T:
    """What was found; NotFoundError, which names the thing and the parameter, when that is None."""
    if found is None:
        raise NotFoundError(f"no {what}", field=field)
    return found
