"""Keys, scopes and limits in the words of OpenAPI."""

from typing import Any

from gateway.web.security.rules import Rule
from gateway.web.security.site import SAFE_METHODS

SCHEMES: dict[str, Any] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of `rfm key create`; a browser that is logged in sends a cookie."
        " Not needed while the gateway listens on loopback only.",
    }
}


def refusals(rule: Rule, *, needs_login: bool) -> dict[str, str]:
    """The answers of a call that the checks before it may give, by status."""
    found = {}
    if rule.scope and needs_login:
        found["401"] = "No key, or a wrong one"
        found["403"] = f"The key lacks the scope `{rule.scope.value}`"
    if rule.method not in SAFE_METHODS:
        found["403"] = found.get("403", "Another site asks for a change")
        found |= {"408": "The body is too slow", "413": "The body is too large"}
    if rule.limit or "401" in found:
        found["429"] = "Too often; try again after `Retry-After` seconds"
    return found


def describe(operation: dict[str, Any], rule: Rule, *, needs_login: bool) -> None:
    """Say which scope a call needs, and whether it needs a key here."""
    if rule.scope:
        operation["description"] += f"\n\nScope: `{rule.scope.value}`"
    if rule.scope and needs_login:
        operation["security"] = [{"key": []}]
