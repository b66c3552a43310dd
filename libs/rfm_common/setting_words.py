"""What is wrong with settings, in words: names that are none, and values that do not fit. Pure."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic import ValidationError

from rfm_common.errors import RfmError
from rfm_common.lasting import ALLOWED, NAMES, variable

OURS = ("RFM_", "DB_")
"""How names begin that nobody else uses."""
_CONTAINERS = frozenset({"REDIS_PASSWORD", "RFM_DATA", "RFM_UID", "RFM_GID", "RFM_SPARK_LOCK"})
"""What compose.yaml reads for itself."""
_ORCHESTRATORS = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_\d+_")
"""Of the variables that Kubernetes makes from a service's name."""


class UnknownSettingError(RfmError):
    """A variable looks like a setting and is none."""


def refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise UnknownSettingError for names that begin like ours and are not known."""
    ours = {name.upper() for name in names if name.upper().startswith(OURS)}
    known = set(known) | _CONTAINERS
    unknown = sorted(name for name in ours - known if not _ORCHESTRATORS.search(name))
    if unknown:
        raise UnknownSettingError(" ".join(_unknown(name, known) for name in unknown))


def _unknown(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    advice = f"Did you mean {near[0]}?" if near else "docs/configuration.md lists all settings."
    return f"There is no setting {name}. {advice}"


def doubtful(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Doubts about names of an `.env` that other programs may use: is a setting meant?"""
    all_known = set(known)
    others = {name.upper() for name in names} - all_known - _CONTAINERS
    meant = {name: _meant(name, all_known) for name in sorted(others)}
    return [
        f"{name} in .env is no setting. Did you mean {near}?"
        for name, near in meant.items()
        if near
    ]


def _meant(name: str, known: set[str]) -> str | None:
    for begin in OURS:
        if f"{begin}{name}" in known:
            return f"{begin}{name}"
    near = get_close_matches(name, known, n=1, cutoff=0.8)
    return near[0] if near else None


def invalid_values(error: ValidationError, secrets: Iterable[str] = ()) -> str:
    """A sentence for each setting whose value does not fit; values of secrets are not shown."""
    hidden = set(secrets)
    found: dict[str, str] = {}
    for item in error.errors():
        name = str(item["loc"][0]).upper() if item["loc"] else ""
        value = "" if name in hidden else f"={item['input']}"
        said = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
        found.setdefault(name, f"{name}{value}: {_allowed(name) or said}" if name else said)
    return "Settings do not fit. " + "; ".join(found.values())


def _allowed(name: str) -> str | None:
    """What a lasting setting may be, but for what says more: which zone is perhaps meant."""
    by_variable: Mapping[str, str] = {variable(one): ALLOWED[one] for one in NAMES}
    words = by_variable.get(name)
    return f"should be {words}" if words and name != "RFM_TIMEZONE" else None
