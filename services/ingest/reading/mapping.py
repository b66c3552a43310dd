"""Which cell of a row is which of our columns: from our own names, known exports or a file."""

import re
import tomllib
from collections import Counter, abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch

from ingest.reading.exports import EXPORTS, SYNONYMS, Export
from ingest.refusal import RefusedError
from rfm_common.models import Kind

Answers = abc.Mapping[str, str]
NO_ANSWERS: Answers = {}

FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.ORDERS: ("order_id", "customer_id", "order_date", "order_amount", "currency", "status"),
    Kind.CUSTOMERS: ("customer_id", "email", "country", "created_at"),
    Kind.EXCHANGE_RATES: ("currency", "valid_from", "rate"),
}
REQUIRED: dict[Kind, tuple[str, ...]] = {
    Kind.ORDERS: ("order_id", "customer_id", "order_date", "order_amount"),
    Kind.CUSTOMERS: ("customer_id",),
    Kind.EXCHANGE_RATES: ("currency", "rate"),
}
_TELLS_ORDERS = ("order_id", "order_date", "order_amount")
"""A header that has one of these is of orders, even when it lacks the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """What the cells of a file mean."""

    kind: Kind
    source: str
    """`own columns`, the name of an export, or `mapping.toml`."""
    columns: dict[str, int]
    """Our column: the index of the cell."""
    product: tuple[int, int] | None = None
    """The cells of quantity and unit price, when the amount is their product."""
    constants: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    line_items: bool = False
    may_lack_customer: bool = False
    ignored: list[str] = field(default_factory=list)

    @property
    def fields(self) -> tuple[str, ...]:
        """Our columns that the file has something to say about, in the table's order."""
        known = {*self.columns, *self.constants, *(("order_amount",) if self.product else ())}
        return tuple(name for name in FIELDS[self.kind] if name in known)

    @property
    def filled(self) -> tuple[str, ...]:
        """Our columns that a load of the file fills: an order without a status has a default."""
        return FIELDS[self.kind] if self.kind is not Kind.CUSTOMERS else self.fields


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[file]]` of mapping.toml."""

    pattern: str
    export: Export


def normalise(header: str) -> str:
    """A header as it is compared: trimmed, lower case, spaces and dashes as underscores."""
    return re.sub(r"[\s\-]+", "_", header.strip().strip("\ufeff").strip().casefold())


def find_mapping(
    headers: Sequence[str],
    file_name: str,
    rules: Sequence[Rule],
    sample: Sequence[Sequence[str]] = (),
    answers: Answers = NO_ANSWERS,
) -> Mapping:
    """The mapping of a header, with the first rows (`sample`) and answers (`column.NAME`) to help.

    Raises RefusedError naming what is missing or double.
    """
    names = [normalise(header) for header in headers]
    _check_names(names)
    for rule in rules:
        if fnmatch(file_name, rule.pattern):
            return _apply(rule.export, names, headers)
    for export in EXPORTS:
        if export.headers <= set(names):
            return _apply(export, names, headers)
    return _own(names, headers)


def _check_names(names: list[str]) -> None:
    double = [name for name, count in Counter(names).items() if count > 1 and name]
    if double:
        raise RefusedError("duplicate_column", f"the header names {double[0]!r} twice")


def _own(names: list[str], headers: Sequence[str]) -> Mapping:
    kind = _kind(set(names))
    columns = {}
    for ours in FIELDS[kind]:
        candidates = [ours] if ours in names else SYNONYMS[kind].get(ours, ())
        found = [name for name in candidates if name in names]
        if len(found) > 1:
            raise RefusedError(
                "ambiguous_column", f"both {found[0]!r} and {found[1]!r} could be {ours}"
            )
        if found:
            columns[ours] = names.index(found[0])
    return _checked(Mapping(kind=kind, source="own columns", columns=columns), headers)


def _kind(names: set[str]) -> Kind:
    def has(kind: Kind, ours: str, *, but: str = "") -> bool:
        others = [name for name in SYNONYMS[kind].get(ours, ()) if name not in ("id", but)]
        return not names.isdisjoint((ours, *others))

    if has(Kind.EXCHANGE_RATES, "rate") and has(Kind.EXCHANGE_RATES, "currency"):
        return Kind.EXCHANGE_RATES
    if any(has(Kind.ORDERS, ours, but="created_at") for ours in _TELLS_ORDERS):
        return Kind.ORDERS
    if has(Kind.CUSTOMERS, "customer_id") or ("id" in names and has(Kind.CUSTOMERS, "email")):
        return Kind.CUSTOMERS
    shown = ", ".join(sorted(names))[:200]
    raise RefusedError(
        "unknown_columns",
        f"line 1: the columns ({shown}) are neither of customers, orders nor exchange rates;"
        " the names are in the manual, others go into mapping.toml",
    )


def _apply(export: Export, names: list[str], headers: Sequence[str]) -> Mapping:
    found = {
        ours: next((names.index(name) for name in theirs if name in names), None)
        for ours, theirs in export.columns.items()
    }
    factors = export.quantity_times_price
    if factors and (missing := [name for name in factors if name not in names]):
        raise RefusedError("missing_column", f"{export.name}: there is no column {missing[0]!r}")
    mapping = Mapping(
        kind=export.kind, source=export.name,
        columns={ours: index for ours, index in found.items() if index is not None},
        product=(names.index(factors[0]), names.index(factors[1])) if factors else None,
        constants=export.constants, statuses=export.statuses, line_items=export.line_items,
        may_lack_customer=export.may_lack_customer,
    )  # fmt: skip
    return _checked(mapping, headers)


def _checked(mapping: Mapping, headers: Sequence[str]) -> Mapping:
    """Refuse a mapping without a required column; list the cells that nobody reads."""
    missing = [name for name in REQUIRED[mapping.kind] if name not in mapping.fields]
    if missing:
        raise RefusedError(
            "missing_column", f"line 1: a file of {mapping.kind} needs a column {missing[0]}"
        )
    used = {*mapping.columns.values(), *(mapping.product or ())}
    ignored = [header.strip() for index, header in enumerate(headers) if index not in used]
    mapping.ignored.extend(ignored)
    return mapping


def read_rules(text: str) -> list[Rule]:
    """The rules of a mapping.toml. Raises RefusedError with the line or key that is wrong."""
    try:
        entries = tomllib.loads(text).get("file", [])
        return [_rule(entry) for entry in entries]
    except tomllib.TOMLDecodeError as error:
        raise RefusedError("bad_mapping", f"mapping.toml: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedError("bad_mapping", f"mapping.toml, a [[file]] entry: {error}") from error


def _rule(entry: dict[str, object]) -> Rule:
    unknown = set(entry) - {"name", "kind", "columns", "constants", "statuses", "line_items"}
    if unknown:
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
    kind = Kind(str(entry["kind"]))
    columns = _texts(entry.get("columns", {}))
    constants = _texts(entry.get("constants", {}))
    if strange := [name for name in (*columns, *constants) if name not in FIELDS[kind]]:
        raise ValueError(f"{kind} have no column {strange[0]!r}")
    amount = columns.get("order_amount", "")
    factors = tuple(normalise(part) for part in amount.split("*")) if "*" in amount else None
    if factors and len(factors) != 2:
        raise ValueError(f"order_amount = {amount!r} is not `quantity * unit_price`")
    export = Export(
        name="mapping.toml", kind=kind, headers=frozenset(),
        columns={ours: (normalise(theirs),) for ours, theirs in columns.items()
                 if not (factors and ours == "order_amount")},
        quantity_times_price=(factors[0], factors[1]) if factors else None,
        constants=constants, line_items=bool(entry.get("line_items", False)),
        statuses={word.casefold(): ours
                  for word, ours in _texts(entry.get("statuses", {})).items()},
    )  # fmt: skip
    return Rule(str(entry.get("name", "*")), export)


def _texts(table: object) -> dict[str, str]:
    if not isinstance(table, dict):
        raise TypeError(f"{table!r} is not a table")
    return {str(key): str(value) for key, value in table.items()}
