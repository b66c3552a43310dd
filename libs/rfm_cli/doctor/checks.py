"""One finding, and how findings are put together."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty when all is well."""

    def data(self) -> dict[str, str]:
        """Ready for JSON."""
        return asdict(self)


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, "ok", found)


def warn(name: str, found: str, advice: str) -> Check:
    """It works, and may not for long or not as it should."""
    return Check(name, "warn", found, advice)


def fail(name: str, found: str, advice: str) -> Check:
    """It does not work like this."""
    return Check(name, "fail", found, advice)


def worst(checks: Iterable[Check]) -> State:
    """The state of all together."""
    states = {check.state for check in checks}
    return "fail" if "fail" in states else "warn" if "warn" in states else "ok"
