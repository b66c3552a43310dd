"""The exports of common shops and services: data files, one an export, told by their headers."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from ingest.reading.names import normalise
from rfm_common.models import Kind


@dataclass(frozen=True, slots=True)
class TypeNames:
    """Which rows of a file are orders and which are refunds, told by a column of types."""

    column: str
    orders: frozenset[str]
    refunds: frozenset[str]
    refund_customer: str
    """The header of the column that names the customer of a refund."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """How one program's file maps to our columns. Header names are normalised (see `mapping`)."""

    name: str
    kind: Kind
    headers: tuple[frozenset[str], ...]
    """All of one of these must be there for the file to be taken for this export."""
    columns: dict[str, tuple[str, ...]]
    """Our column: the header that holds it, the first that is there."""
    quantity_times_price: tuple[str, str] | None = None
    constants: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    """Its word for a state (lower case): ours. Other words stay as they are."""
    line_items: bool = False
    """Several rows make one order: amounts are added, the first row that says it tells the rest."""
    row_types: TypeNames | None = None

    def matched(self, names: Collection[str]) -> int:
        """How many headers tell that a file with these names is this export; 0: it is not."""
        return max((len(one) for one in self.headers if one <= set(names)), default=0)


def export_of(names: Collection[str]) -> Export | None:
    """The export with these headers (normalised), told by the most of them."""
    best = max(EXPORTS, key=lambda export: export.matched(names))
    return best if best.matched(names) else None


def _export(table: Mapping[str, Any]) -> Export:
    factors = table.get("quantity_times_price")
    return Export(
        name=table["name"],
        kind=Kind(table["kind"]),
        headers=tuple(frozenset(map(normalise, header)) for header in table["headers"]),
        columns={ours: _names(theirs) for ours, theirs in table["columns"].items()},
        quantity_times_price=(normalise(factors[0]), normalise(factors[1])) if factors else None,
        constants=table.get("constants", {}),
        statuses={word.casefold(): ours for word, ours in table.get("statuses", {}).items()},
        line_items=table.get("line_items", False),
        row_types=_type_names(table["row_types"]) if "row_types" in table else None,
    )


def _type_names(table: Mapping[str, Any]) -> TypeNames:
    orders, refunds = (frozenset(map(str.lower, table[name])) for name in ("orders", "refunds"))
    customer = normalise(table["refund_customer"])
    return TypeNames(normalise(table["column"]), orders, refunds, customer)


def _names(theirs: str | list[str]) -> tuple[str, ...]:
    return tuple(map(normalise, [theirs] if isinstance(theirs, str) else theirs))


def _profiles() -> list[Mapping[str, Any]]:
    found = [file for file in files(__package__).iterdir() if file.name.endswith(".toml")]
    return [tomllib.loads(file.read_text("utf-8")) for file in sorted(found, key=str)]


EXPORTS = tuple(map(_export, _profiles()))
