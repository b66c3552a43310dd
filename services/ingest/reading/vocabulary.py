"""What columns are called, in fourteen languages: data files, one a language, read once.

Evidence is graded: our own name, then a known name (better ones first), then the words that a
name is made of, such as a word for order and one for number.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain

from ingest.reading.names import (
    LONGEST,
    key,
    normalise,
    without_cents,
    without_tax,
    without_unit,
    words,
)
from rfm_common.models import Kind

OWN, SAME_KEY, KNOWN, WORDS = 100.0, 95.0, 90.0, 30.0
"""The grades: our name as it is; the same but for spelling; the best known name; by its words.
A known name loses a point for each better group of names, a hundredth for its place in the group.
"""

_AMOUNTS = ("order_amount", "unit_price", "refunded")
_NET_AMOUNT = 3.5
"""How much less than the best name one without taxes tells: as much as a subtotal."""
_COMPOUND = {
    "order_id": ("order", "number"),
    "customer_id": ("customer", "number"),
    "order_date": ("order", "date"),
    "order_time": ("order", "time"),
    "order_amount": ("order", "amount"),
    "unit_price": ("unit", "amount"),
}
"""Our column: what two words its name is made of."""

_TELLS_OTHERS = frozenset({
    "last", "first", "latest", "lifetime", "ltv", "spent", "average", "avg", "orders", "count",
    "item", "items", "sku", "product", "payout", "fee", "fees", "subscription", "plan", "interval",
    "signup", "registered", "balance", "letzte", "erste", "artikel", "produkt", "abo", "stock",
    "sessions", "visits", "clicks", "impressions", "pageviews", "views",
})  # fmt: skip
"""Words of headers whose rows are no orders: sums by customer, lines, payouts, subscriptions."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """All languages together, by the key of a name."""

    known: Mapping[Kind, Mapping[str, Mapping[str, float]]]
    """Kind, our column, key: grade."""
    others: frozenset[str]
    """Names of columns that are none of ours, however much they sound like it."""
    parts: Mapping[str, frozenset[str]]
    """Meaning (`order`, `number`, ...): its words."""
    fillers: frozenset[str]

    def grade(self, kind: Kind, ours: str, header: str) -> float:
        """How well a header names one of our columns; 0: not at all."""
        return 0 if len(header) > LONGEST else _known_grade(self, kind, ours, header)

    def _grade_whole(self, kind: Kind, ours: str, header: str) -> float:
        if normalise(header) == ours:
            return OWN
        bare, code = without_unit(header)
        own = max(self._grade(kind, ours, header), self._grade(kind, ours, bare) if code else 0)
        return own or self._grade_apart(kind, ours, bare)

    def _grade_apart(self, kind: Kind, ours: str, header: str) -> float:
        """Of a name that says more: whether taxes are in an amount, or that it is an order's."""
        if ours in _AMOUNTS:
            header, has_cents = without_cents(header)
            if has_cents and (grade := self._grade(kind, ours, header)):
                return grade
            bare, is_gross = without_tax(header)
            grade = self._grade(kind, ours, bare) if is_gross is not None else 0
            return grade if is_gross or not grade else min(grade, KNOWN - _NET_AMOUNT)
        first, *rest = words(header) or [""]
        is_of_order = first in ("order", "orders") and rest and not ours.startswith("order")
        return self._grade(kind, ours, " ".join(rest)) if is_of_order else 0

    def is_other(self, header: str) -> bool:
        """Whether a name is that of a column that is none of ours."""
        return key(header) in self.others

    def tells_others(self, header: str) -> bool:
        """Whether a name tells that rows are no orders."""
        return bool(_TELLS_OTHERS & set(words(header)))

    def _grade(self, kind: Kind, ours: str, header: str) -> float:
        name = key(header)
        if not name:
            return 0
        if name == key(ours):
            return SAME_KEY
        if (known := self.known[kind].get(ours, {}).get(name)) is not None:
            return known
        if name in self.others or kind is Kind.EXCHANGE_RATES:
            return 0
        return WORDS if self._is_compound(ours, header) else 0

    def _is_compound(self, ours: str, header: str) -> bool:
        if ours not in _COMPOUND:
            return False
        first, second = (self.parts.get(part, frozenset()) for part in _COMPOUND[ours])
        name = "".join(word for word in words(header) if word not in self.fillers)
        cuts = ((name[:at], name[at:]) for at in range(1, len(name)))
        return any(
            (left in first and right in second) or (left in second and right in first)
            for left, right in cuts
        )


_known_grade = lru_cache(2**15)(Vocabulary._grade_whole)
"""The same names are compared for each line that may be the header, and in most files."""


@cache
def vocabulary() -> Vocabulary:
    """The languages of the folder `vocabulary`."""
    known: dict[Kind, dict[str, dict[str, float]]] = {kind: {} for kind in Kind}
    parts: dict[str, set[str]] = {}
    others: set[str] = set()
    fillers: set[str] = set()
    for path in sorted(files(__package__).joinpath("vocabulary").iterdir(), key=str):
        language = tomllib.loads(path.read_text("utf-8"))
        for kind in Kind:
            tables = [language.get(str(kind), {})]
            if kind is not Kind.EXCHANGE_RATES:
                tables.append(language.get("shared", {}))
            for ours, groups in chain.from_iterable(table.items() for table in tables):
                _learn(known[kind].setdefault(ours, {}), groups)
        for part, spellings in language.get("words", {}).items():
            parts.setdefault(part, set()).update(_keys(spellings))
        others.update(_keys(language.get("others", ())))
        fillers.update(_keys(language.get("fillers", ())))
    return Vocabulary(
        known, frozenset(others), {name: frozenset(found) for name, found in parts.items()},
        frozenset(fillers),
    )  # fmt: skip


def _learn(grades: dict[str, float], groups: list[list[str]]) -> None:
    for rank, group in enumerate(groups):
        for place, name in enumerate(group):
            grade = KNOWN - rank - place / 100
            grades[key(name)] = max(grades.get(key(name), 0), grade)


def _keys(spellings: Iterable[str]) -> set[str]:
    return {key(spelling) for spelling in spellings}
