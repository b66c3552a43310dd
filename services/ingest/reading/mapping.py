"""Which cell of a row is which of our columns: from our own names, known exports or a file."""

import tomllib
from collections import abc
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from ingest.reading.exports import Export, export_of
from ingest.reading.names import normalise, without_unit, words
from ingest.reading.row_types import RowTypes
from ingest.reading.vocabulary import KNOWN, vocabulary
from ingest.refusal import RefusedError
from rfm_common.models import Kind

FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.ORDERS: ("order_id", "customer_id", "order_date", "order_amount", "currency", "status"),
    Kind.CUSTOMERS: ("customer_id", "email", "country", "created_at"),
    Kind.EXCHANGE_RATES: ("currency", "valid_from", "rate"),
}
OWN_COLUMNS, MAPPING_TOML = "own columns", "mapping.toml"
"""Sources of a mapping; others are the names of exports."""
HELPERS = ("refunded", "cancelled_at", "is_cancelled", "is_refunded", "is_paid", "is_test",
           "is_live", "other_status", "row_type")  # fmt: skip
"""Columns of orders that are read for what they say of the amount and of the status."""
CUSTOMER_EMAIL = "customer_email"
"""The column of orders that says which address belongs to the customer's id."""
REQUIRED: dict[Kind, tuple[str, ...]] = {
    Kind.ORDERS: ("order_id", "customer_id", "order_date", "order_amount"),
    Kind.CUSTOMERS: ("customer_id",),
    Kind.EXCHANGE_RATES: ("currency", "rate"),
}
_TELLS_ORDERS = ("order_id", "order_date", "order_amount", "quantity", "unit_price")
"""A header that has one of these is of orders, even when it lacks the others."""
_TELLS_IDS = frozenset({
    "id", "no", "nr", "number", "num", "ref", "reference", "code", "key", "receipt", "invoice",
    "ticket", "voucher", "bon", "beleg", "rechnung", "nummer", "numero", "order",
})  # fmt: skip
"""Words of a header that may hold order ids, although it is not known."""


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
    clock: tuple[int, ...] = ()
    """The cells of a time and of a zone that complete the order's date."""
    surname: int | None = None
    """The cell of the last name, where customers are known by their first and last names."""
    constants: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    cents: frozenset[str] = frozenset()
    """Our columns whose amounts are hundredths."""
    line_items: bool = False
    ids_from_content: bool = False
    """Whether each row is an order whose id is made of what it says."""
    zero_is_guest: bool = False
    """Whether the customer 0 stands for everybody without an account."""
    row_types: RowTypes | None = None
    """What the types of its rows mean, where only some are orders."""
    ignored: list[str] = field(default_factory=list)
    told: list[dict[str, str]] = field(default_factory=list)
    """What was decided without asking: `about` and `text`."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Our columns that the file has something to say about, in the table's order."""
        known = {*self.columns, *self.constants, *(("order_amount",) if self.product else ())}
        every = (*FIELDS[self.kind], *HELPERS, CUSTOMER_EMAIL)
        return tuple(name for name in every if name in known)

    @property
    def filled(self) -> tuple[str, ...]:
        """Our columns that a load of the file fills: an order without a status has a default."""
        if self.kind is Kind.ORDERS:
            return (*FIELDS[self.kind], "status_word", "known_as")
        return FIELDS[self.kind] if self.kind is not Kind.CUSTOMERS else self.fields


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[file]]` of mapping.toml."""

    pattern: str
    export: Export
    answers: abc.Mapping[str, str] = field(default_factory=dict)
    """What it says of questions that files may ask, by their keys."""

    def is_for(self, file_name: str) -> bool:
        """Whether it is for files of this name."""
        return fnmatchcase(file_name.casefold(), self.pattern.casefold())


def find_mapping(headers: Sequence[str], file_name: str, rules: Sequence[Rule]) -> Mapping:
    """The mapping of a header. Raises RefusedError naming what is missing or double."""
    names = [normalise(header) for header in headers]
    for rule in rules:
        if rule.is_for(file_name):
            return _apply(rule.export, names, headers)
    if export := export_of(names):
        return _apply(export, names, headers)
    return _own(headers)


def _own(headers: Sequence[str]) -> Mapping:
    return checked(named(_kind(headers), headers), headers)


def named(kind: Kind, headers: Sequence[str]) -> Mapping:
    """What the names of columns tell of a file of this kind, complete or not."""
    mapping = Mapping(kind=kind, source=OWN_COLUMNS, columns={})
    for ours in FIELDS[kind]:
        if found := ranked(kind, ours, headers):
            mapping.columns[ours] = found[0]
            _tell_choice(mapping, ours, [headers[index].strip() for index in found])
    if "customer_id" not in mapping.columns and kind is not Kind.EXCHANGE_RATES:
        mapping = _known_otherwise(mapping, headers)
    _find_email(mapping, headers)
    _tell_currency(mapping, headers)
    mapping = _with_product(mapping, headers)
    return replace(mapping, ids_from_content=_lacks_ids_only(mapping, headers))


def _lacks_ids_only(mapping: Mapping, headers: Sequence[str]) -> bool:
    """Whether rows plainly are orders without an id, not lines of orders nor sums of customers."""
    missing = [name for name in REQUIRED[mapping.kind] if name not in mapping.columns]
    unread = [name for at, name in enumerate(headers) if at not in mapping.columns.values()]
    has_other_ids = any(_TELLS_IDS & set(words(name)) for name in unread)
    is_other = any(map(vocabulary().tells_others, headers))
    return (
        mapping.kind is Kind.ORDERS and missing == ["order_id"]
        and not has_other_ids and not is_other
        and not any(ranked(mapping.kind, ours, headers) for ours in ("quantity", "unit_price"))
    )  # fmt: skip


def _tell_currency(mapping: Mapping, headers: Sequence[str]) -> None:
    """Take the currency from the amount's name, such as `Amount (INR)`, where no column has it."""
    amount = mapping.columns.get("order_amount")
    code = without_unit(headers[amount])[1] if amount is not None else ""
    if code and "currency" not in mapping.columns:
        mapping.constants["currency"] = code
        mapping.told.append({
            "about": "column.currency",
            "text": f"amounts are in {code}, as the column {headers[amount or 0].strip()!r} says",
        })  # fmt: skip


def _with_product(mapping: Mapping, headers: Sequence[str]) -> Mapping:
    """Multiply quantity and unit price where no column holds the amount itself.

    Such a row is a line of an order: the lines of one are added up.
    """
    amount = mapping.columns.get("order_amount")
    quantity, price = (ranked(mapping.kind, ours, headers) for ours in ("quantity", "unit_price"))
    if mapping.kind is not Kind.ORDERS or not quantity or not price:
        return mapping
    if amount is not None and amount not in price:
        return mapping
    mapping.columns.pop("order_amount", None)
    factors = (headers[quantity[0]].strip(), headers[price[0]].strip())
    mapping.told.append({
        "about": "lines",
        "text": f"the amount is {factors[0]!r} times {factors[1]!r}, added up over the"
        " lines of an order",
    })  # fmt: skip
    return replace(mapping, product=(quantity[0], price[0]), line_items=True)


def ranked(kind: Kind, ours: str, headers: Sequence[str]) -> list[int]:
    """The cells whose header may be this column, the best name first."""
    is_address = any(normalise(header) in ("city", "country", "region") for header in headers)
    grades = {
        index: vocabulary().grade(kind, ours, header)
        for index, header in enumerate(headers)
        if not (is_address and normalise(header) == "state")
    }
    grades = {index: grade for index, grade in grades.items() if grade}
    return sorted(grades, key=lambda index: (-grades[index], index))


def _tell_choice(mapping: Mapping, ours: str, found: list[str]) -> None:
    if len(found) > 1 and normalise(found[0]) != ours:
        others = ", ".join(repr(name) for name in found[1:])
        mapping.told.append({
            "about": f"column.{ours}",
            "text": f"the {ours.replace('_', ' ')} is read from {found[0]!r}, whose name fits"
            f" better than {others}",
        })  # fmt: skip


def _known_otherwise(mapping: Mapping, headers: Sequence[str]) -> Mapping:
    """Know customers by their address where there is no id, else, in orders, by their name or
    their telephone number."""
    names = [("name", "customer_name"), ("name", "first_name", "last_name")]
    whole, last = (
        ranked(mapping.kind, column, headers) for column in ("customer_name", "last_name")
    )
    if last and whole[:1] == last[:1]:  # as `Nom`, which may be either
        names.reverse()
    ways = [("e-mail address", "email"), *names, ("telephone number", "phone")]
    for what, *columns in ways[: None if mapping.kind is Kind.ORDERS else 1]:
        ranked_ones = [ranked(mapping.kind, column, headers) for column in columns]
        if all(ranked_ones):
            found = [ones[0] for ones in ranked_ones]
            mapping.columns["customer_id"] = found[0]
            shown = " and ".join(repr(headers[at].strip()) for at in found)
            text = f"there is no customer id: customers are known by their {what},"
            text += f" the column{'s' * (len(found) > 1)} {shown}"
            mapping.told.append({"about": "column.customer_id", "text": text})
            return replace(mapping, surname=found[1] if len(found) > 1 else None)
    return mapping


def _find_email(mapping: Mapping, headers: Sequence[str]) -> None:
    """Take the best-named address beside an id of orders, where no other column has its name."""
    used, names = mapping.columns.values(), [normalise(header) for header in headers]
    found = [at for at in ranked(mapping.kind, "email", headers)
             if at not in used and names.count(names[at]) == 1]  # fmt: skip
    if found and mapping.kind is Kind.ORDERS:
        mapping.columns[CUSTOMER_EMAIL] = found[0]


def _kind(headers: Sequence[str]) -> Kind:
    def best(kind: Kind, ours: str) -> float:
        return max((vocabulary().grade(kind, ours, header) for header in headers), default=0)

    has_rates = best(Kind.EXCHANGE_RATES, "rate") and best(Kind.EXCHANGE_RATES, "currency")
    has_persons = best(Kind.ORDERS, "customer_id") or best(Kind.ORDERS, "email")
    if has_rates and not has_persons:
        return Kind.EXCHANGE_RATES
    if any(_tells_orders(ours, header) for ours in _TELLS_ORDERS for header in headers):
        return Kind.ORDERS
    if best(Kind.CUSTOMERS, "customer_id") >= KNOWN - 1 or best(Kind.CUSTOMERS, "email"):
        return Kind.CUSTOMERS
    shown = ", ".join(sorted(header.strip() for header in headers))[:200]
    raise RefusedError(
        "unknown_columns",
        f"the columns ({shown}) are not those of customers, orders or exchange rates;"
        " rename them, or say in mapping.toml which column is what",
    )


def _tells_orders(ours: str, header: str) -> bool:
    """Whether only orders have this column: customers have a number and a day of creation too."""
    grade = vocabulary().grade(Kind.ORDERS, ours, header)
    is_any_number = ours == "order_id" and KNOWN - 5 < grade <= KNOWN - 4
    shared = is_any_number or vocabulary().grade(Kind.CUSTOMERS, "created_at", header)
    return bool(grade) and not shared


def _apply(export: Export, names: list[str], headers: Sequence[str]) -> Mapping:
    found = {
        ours: next((names.index(name) for name in theirs if name in names), None)
        for ours, theirs in export.columns.items()
    }
    factors = export.quantity_times_price
    if factors and (missing := [name for name in factors if name not in names]):
        raise RefusedError(
            "missing_column",
            f"{export.name}: there is no column {missing[0]!r}; add it, or rename one",
        )
    if export.name == MAPPING_TOML:
        _check_rule(export, found, headers)
    mapping = Mapping(
        kind=export.kind, source=export.name,
        columns={ours: index for ours, index in found.items() if index is not None},
        product=(names.index(factors[0]), names.index(factors[1])) if factors else None,
        constants=export.constants, statuses=export.statuses, line_items=export.line_items,
    )  # fmt: skip
    if export.name == MAPPING_TOML:
        mapping = replace(mapping, ids_from_content=_lacks_ids_only(mapping, headers))
    mapping = replace(mapping, row_types=_row_types(export, mapping, names))
    return checked(mapping, headers)


def _row_types(export: Export, mapping: Mapping, names: list[str]) -> RowTypes | None:
    types = export.row_types
    if types is None or types.column not in names:
        return None
    customer, refund = mapping.columns["customer_id"], types.refund_customer
    return RowTypes(
        at=names.index(types.column), amount=mapping.columns["order_amount"], customer=customer,
        refund_customer=names.index(refund) if refund in names else customer,
        orders=types.orders, refunds=types.refunds,
    )  # fmt: skip


def _check_rule(
    export: Export, found: abc.Mapping[str, int | None], headers: Sequence[str]
) -> None:
    """Refuse a rule that names a column the header lacks, with the nearest that it has."""
    for ours in REQUIRED[export.kind]:
        if ours in found and found[ours] is None:
            theirs, seen = export.columns[ours][0], [header.strip() for header in headers]
            near = get_close_matches(theirs, [normalise(name) for name in seen], 1, 0.4)
            nearest = next((name for name in seen if near and normalise(name) == near[0]), "")
            hint = f"; did you mean {nearest!r}?" if nearest else ""
            raise RefusedError(
                "missing_column",
                f"mapping.toml: no column {theirs!r} for {ours} in the header"
                f" ({', '.join(seen)[:500]}){hint}",
            )


def checked(mapping: Mapping, headers: Sequence[str]) -> Mapping:
    """Refuse a mapping without a required column; list the cells that nobody reads."""
    has = {*mapping.fields, *(("order_id",) if mapping.ids_from_content else ())}
    missing = [name for name in REQUIRED[mapping.kind] if name not in has]
    shown = ", ".join(header.strip() for header in headers)[:500]
    if missing:
        raise RefusedError(
            "missing_column",
            f"this looks like a file of {mapping.kind.replace('_', ' ')},"
            " but no column is recognised"
            f" as {' or '.join(missing)}; the columns are {shown}. Rename one, or say in"
            " mapping.toml which one it is",
        )
    types = mapping.row_types
    by_type = (types.at, types.refund_customer) if types else ()
    used = {*mapping.columns.values(), *(mapping.product or ()), *by_type}
    used |= set() if mapping.surname is None else {mapping.surname}
    names = [normalise(header) for header in headers]
    for index in used:
        if names.count(names[index]) > 1:
            raise RefusedError(
                "duplicate_column", f"the header names {names[index]!r} twice; rename one"
            )
    ignored = [header.strip() for index, header in enumerate(headers) if index not in used]
    mapping.ignored.extend(ignored)
    return mapping


def read_rules(text: str) -> list[Rule]:
    """The rules of a mapping.toml. Raises RefusedError with the line or key that is wrong."""
    try:
        entries = tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n")).get("file", [])
        return [_rule(entry) for entry in entries]
    except tomllib.TOMLDecodeError as error:
        raise RefusedError("bad_mapping", f"mapping.toml: {error}") from error
    except RecursionError as error:
        raise RefusedError("bad_mapping", "mapping.toml: values are nested too deep") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedError("bad_mapping", f"mapping.toml, a [[file]] entry: {error}") from error


def _rule(entry: dict[str, object]) -> Rule:
    unknown = set(entry) - {
        "name", "kind", "columns", "constants", "statuses", "line_items", "answers"
    }  # fmt: skip
    if unknown:
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
    kind = Kind(str(entry["kind"]))
    columns = _texts(entry.get("columns", {}))
    constants = _texts(entry.get("constants", {}))
    allowed = (*FIELDS[kind], *((*HELPERS, CUSTOMER_EMAIL) if kind is Kind.ORDERS else ()))
    if strange := [name for name in (*columns, *constants) if name not in allowed]:
        raise ValueError(f"{kind} have no column {strange[0]!r}")
    amount = columns.get("order_amount", "")
    factors = tuple(normalise(part) for part in amount.split("*")) if "*" in amount else None
    if factors and len(factors) != 2:
        raise ValueError(f"order_amount = {amount!r} is not `quantity * unit_price`")
    export = Export(
        name=MAPPING_TOML, kind=kind, headers=(),
        columns={ours: (normalise(theirs),) for ours, theirs in columns.items()
                 if not (factors and ours == "order_amount")},
        quantity_times_price=(factors[0], factors[1]) if factors else None,
        constants=constants, line_items=bool(entry.get("line_items", False)),
        statuses={word.casefold(): ours
                  for word, ours in _texts(entry.get("statuses", {})).items()},
    )  # fmt: skip
    return Rule(str(entry.get("name", "*")), export, _texts(entry.get("answers", {})))


def _texts(table: object) -> dict[str, str]:
    if not isinstance(table, dict):
        raise TypeError(f"{table!r} is not a table")
    return {str(key): str(value) for key, value in table.items()}
