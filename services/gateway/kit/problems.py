"""What a refusal looks like, and how a handler describes its own beside its signature."""

from dataclasses import dataclass

from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Operation, RequestBody
from msgspec import UNSET, UnsetType

from gateway.kit.schemas import Answer
from rfm_common.errors import RfmError

PROBLEM = "application/problem+json"


class TooLargeError(RfmError):
    """The body is larger than this call takes."""


class UnsupportedTypeError(RfmError):
    """The body is of a type that this call does not take."""


class NotAcceptableError(RfmError):
    """The call has nothing of the types that are asked for."""


class FieldProblem(Answer):
    """A value that does not fit."""

    field: str
    message: str


class Problem(Answer):
    """What every error answer looks like; more members may follow."""

    type: str
    title: str
    status: int
    detail: str
    field: str | UnsetType = UNSET
    errors: list[FieldProblem] | UnsetType = UNSET


def refusal(reason: str) -> ResponseSpec:
    """An answer of a handler besides those that every call may give."""
    return ResponseSpec(Problem, generate_examples=False, description=reason, media_type=PROBLEM)


@dataclass
class BodyIsOptional(Operation):
    """A call that may come without a body."""

    def __post_init__(self) -> None:
        if isinstance(self.request_body, RequestBody):
            self.request_body.required = False
