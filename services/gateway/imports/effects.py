"""What a file changed in the shop, in words, and what about it should be looked at. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gateway.kit.numbers import Numbers

CHANGES = (
    ("orders_new", "New orders"),
    ("orders_updated", "Changed orders"),
    ("customers_new", "New customers"),
    ("customers_updated", "Changed customers"),
    ("exchange_rates_new", "New exchange rates"),
    ("exchange_rates_updated", "Changed exchange rates"),
    ("customers_touched", "Customers with a new or changed order"),
    ("new_customers", "New customers, known only from these orders"),
)
"""What ingest counted, in words."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that is right in the file and may be wrong in the shop; `url` leads to it."""

    text: str
    url: str
    link: str


def build_changes(effects: Mapping[str, Any], numbers: Numbers) -> list[tuple[str, str]]:
    """Label and count of everything that changed; what did not is left out."""
    return [(label, numbers.count(effects[key])) for key, label in CHANGES if effects.get(key)]


def build_hints(effects: Mapping[str, Any], numbers: Numbers) -> list[Hint]:
    """A customer id that holds a large part of the rows, currencies that are new."""
    hints = []
    if dominant := effects.get("dominant_customer"):
        name, share = dominant["customer_id"], numbers.percent(dominant["share"])
        hints.append(
            Hint(
                f"{share} of the orders belong to the customer {name}. If that stands for everyone"
                " without an account, the scores of this one customer mean nothing.",
                f"/dashboard/customers/{quote(name, safe='')}",
                "Show the customer",
            )
        )
    if currencies := effects.get("new_currencies"):
        hints.append(
            Hint(
                f"New currency: {', '.join(currencies)}. Orders count only with a rate to the"
                " shop's currency, from a file of exchange rates.",
                "/dashboard/help#files",
                "How to give rates",
            )
        )
    return hints
