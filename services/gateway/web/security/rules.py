"""What each call needs: the one place that says who may call it, and how often.

The first rule whose method and beginning of the path fit decides; a call that none fits is for
administrators, so that a forgotten one is closed and not open.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from rfm_common.models import Scope

Limit = Literal["logins", "runs", "exports", "customers"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What the calls of one kind need; no scope: everybody may."""

    method: str
    path: str
    scope: Scope | None
    limit: Limit | None = None

    def fits(self, method: str, path: str) -> bool:
        """Whether it decides about a call, given the path as OpenAPI writes it."""
        return method == self.method and (path + "/").startswith(self.path)


RULES = (
    # Whoever watches, and whoever is about to log in.
    Rule("GET", "/health/", None),
    Rule("GET", "/login/", None),
    Rule("POST", "/login/links/", Scope.ADMIN, "logins"),
    Rule("POST", "/login/", None, "logins"),
    Rule("POST", "/logout/", None),
    Rule("GET", "/static/", None),
    Rule("GET", "/vendor/", None),
    Rule("GET", "/docs/assets/", None),
    # Many people's data at once.
    Rule("GET", "/export/", Scope.EXPORT, "exports"),
    Rule("GET", "/imports/{import_id}/rejects.csv/", Scope.EXPORT, "exports"),
    Rule("GET", "/imports/{import_id}/preview/", Scope.EXPORT),
    # Work.
    Rule("POST", "/pipeline/", Scope.RUN, "runs"),
    Rule("POST", "/runs/{run_id}/cancel/", Scope.RUN),
    Rule("POST", "/models/", Scope.RUN, "runs"),
    Rule("POST", "/imports/", Scope.RUN),
    Rule("PUT", "/customers/{customer_id}/exclusion/", Scope.RUN),
    Rule("DELETE", "/customers/{customer_id}/exclusion/", Scope.RUN),
    Rule("POST", "/dashboard/customers/{customer_id}/exclusion/", Scope.RUN),
    Rule("PATCH", "/profiles/", Scope.RUN),
    Rule("DELETE", "/profiles/", Scope.RUN),
    Rule("POST", "/dashboard/models/{version}/", Scope.RUN, "runs"),
    Rule("POST", "/dashboard/imports/", Scope.RUN),
    Rule("POST", "/dashboard/profiles/{profile_id}/", Scope.RUN),
    Rule("POST", "/dashboard/runs/", Scope.RUN, "runs"),
    Rule("POST", "/dashboard/selfcheck/", Scope.RUN, "runs"),
    # Reading.
    Rule("GET", "/webhooks/", Scope.ADMIN),
    Rule("GET", "/audit", Scope.ADMIN),
    Rule("GET", "/erasures/", Scope.ADMIN),
    Rule("GET", "/", Scope.READ),
    Rule("OPTIONS", "/", Scope.READ),
)


@cache
def rule_of(method: str, path: str) -> Rule:
    """The rule of a call; HEAD is a GET without the body."""
    method = "GET" if method == "HEAD" else method
    found = (rule for rule in RULES if rule.fits(method, path))
    return next(found, Rule(method, path, Scope.ADMIN))
