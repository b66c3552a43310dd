"""Which column is which where names do not tell: by what the values look like.

One column of dates, or of addresses, is read and told; which one holds amounts, order ids or other
ids of customers is asked, with the likeliest as the proposal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ingest.reading.looks import LOOKED_AT, Looks, kind_of, look
from ingest.reading.mapping import OWN_COLUMNS, REQUIRED, checked, named, ranked
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.names import words
from ingest.reading.questions import Choice, Question
from ingest.reading.vocabulary import vocabulary
from ingest.refusal import RefusedError
from rfm_common.models import Kind

ABOUT = "column_of."
"""Begins the key of the question which column holds something."""
EACH_ROW = "*"
"""The answer that no column holds order ids: each row is an order."""
_TEXTS = {
    "order_id": "Which column holds the numbers of the orders?",
    "customer_id": "Which column tells customers apart?",
    "order_date": "Which column holds the dates of the orders?",
    "order_amount": "Which column holds the amounts of the orders?",
}
_HOLDS = {"order_date": "dates", "order_amount": "amounts", "status": "statuses",
          "currency": "currencies"}  # fmt: skip
"""What our columns hold, in a word; ids where there is none."""
_OTHER_PARTS = ("item", "address", "tax", "shipping", "discount")
_OTHER_COLUMNS = ("status", "currency", "country", "quantity", "row_type")
_OF_OTHERS = frozenset({
    "type", "kind", "method", "payment", "staff", "cashier", "server", "employee", "seller",
    "salesperson", "operator", "register", "device", "terminal", "till", "table", "location",
    "store", "shop", "outlet", "channel", "source", "note", "notes", "comment", "memo",
    "zahlungsart", "mitarbeiter", "kasse", "filiale", "verkäufer", "bemerkung", "kassör",
})  # fmt: skip
"""Words of names whose ids and words are not those of customers."""
_SHOWN = 6
"""Columns that are offered."""
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a file."""

    headers: Sequence[str]
    sample: Rows
    now: datetime
    _looks: dict[int, Looks] = field(default_factory=dict, init=False)

    def cells(self, at: int) -> list[str]:
        """Those of one column."""
        return [row[at] for row in self.sample if len(row) == len(self.headers)]

    def look(self, at: int) -> Looks:
        """What they look like."""
        if at not in self._looks:
            name = self.headers[at].strip() or f"column {at + 1}"
            self._looks[at] = look(at, name, self.cells(at), self.now)
        return self._looks[at]


def by_values(
    table: Table, refusal: RefusedError, answers: Mapping[str, str]
) -> tuple[Meaning, tuple[Question, ...]]:
    """The mapping with what names leave out, and what to ask about it. Raises the refusal where
    values tell nothing either."""
    mapping = with_fitting(named(Kind.ORDERS, table.headers), table)
    free = _free(table, mapping)
    missing = [ours for ours in REQUIRED[Kind.ORDERS] if ours not in mapping.fields]
    _check_dates(table, mapping)
    found = _candidates(free, missing)
    if refusal.reason == "unknown_columns" and not found["customer_id"]:
        found["customer_id"] = [one for one in free if _may_be_one_person(one, found)]
    if refusal.reason == "unknown_columns" and _are_customers(free):
        return _customers(table, free, answers)
    needed = [ours for ours in missing if ours != "order_id"]
    if not free or any(not found[ours] for ours in needed) or _are_no_orders(table, missing):
        raise refusal
    questions = []
    for ours in missing:
        mapping, asked = _with(mapping, ours, found[ours], answers)
        questions += asked
    mapping = _with_more(mapping, free)
    return checked(mapping, table.headers), tuple(questions)


def _check_dates(table: Table, mapping: Meaning) -> None:
    """Refuse a file whose column of dates holds none, and no other one does."""
    at = mapping.columns.get("order_date")
    if at is not None and not _fits("order_date", table, at):
        found = table.look(at)
        raise RefusedError(
            "no_dates",
            f"the column {found.name!r} holds values such as {found.example[:40]!r}, which are no"
            " dates with a day, a month and a year; export it with full dates",
        )


def _free(table: Table, mapping: Meaning) -> list[Looks]:
    """The columns that are nothing else, and what they look like."""
    used = {*mapping.columns.values(), *(mapping.product or ())}
    return [
        found for at, name in enumerate(table.headers)
        if at not in used and not _is_other(name)
        and (found := table.look(at)).filled * 2 >= min(len(table.sample), LOOKED_AT)
    ]  # fmt: skip


def _is_other(name: str) -> bool:
    """Whether a name tells that the column is none that is looked for."""
    known, said = vocabulary(), set(words(name))
    is_part = any(said & known.parts.get(part, frozenset()) for part in _OTHER_PARTS)
    is_ours = any(known.grade(Kind.ORDERS, ours, name) for ours in _OTHER_COLUMNS)
    return known.is_other(name) or is_part or is_ours


def _may_be_one_person(column: Looks, found: Mapping[str, Sequence[Looks]]) -> bool:
    """Whether a text that all rows share may be their customer: no word for a payment or status,
    and no currency."""
    taken = [*found["order_date"], *found["order_amount"][:1], *found["order_id"][:1]]
    is_other = column.are_payments or column.are_numbers or column.are_statuses
    is_text = (column.are_words or column.are_codes) and not column.are_currencies
    return is_text and column.filled > 1 and column not in taken and not is_other


def _may_be_people(column: Looks) -> bool:
    is_other = column.are_numbers or column.are_payments or _is_of_others(column.name)
    return column.different > 1 and not is_other and not column.are_statuses


def _is_of_others(name: str) -> bool:
    """Whether a name tells that ids are not those of customers, but of captures, tills or staff."""
    said = set(words(name))
    is_id = said & vocabulary().parts["number"] - {"code"}
    is_time = vocabulary().grade(Kind.ORDERS, "order_time", name)
    return bool(
        is_time or said & _OF_OTHERS or (is_id and not said & vocabulary().parts["customer"])
    )


def _candidates(free: Sequence[Looks], missing: Iterable[str]) -> dict[str, list[Looks]]:
    """For each missing column those that may be it, the likeliest first; none for two of them."""
    dates = [one for one in free if one.are_dates]
    rest = [one for one in free if not one.are_dates]
    addresses = [one for one in rest if one.are_addresses]
    amounts = sorted(
        (one for one in rest if one.are_amounts),
        key=lambda one: (not one.have_decimals, one.are_codes and not one.repeat),
    )
    taken = amounts[:1] if "order_amount" in missing else []
    ids = [one for one in rest if one.are_codes and one not in taken and not one.have_decimals]
    orders = sorted(ids, key=lambda one: one.repeat)
    if "order_id" in missing:
        taken = [*taken, *orders[:1]]
    people = [one for one in rest if (one.are_words or one in ids) and one not in taken
              and _may_be_people(one)]  # fmt: skip
    return {
        "order_id": orders,
        "customer_id": [*addresses, *sorted(people, key=lambda one: not one.repeat)],
        "order_date": dates,
        "order_amount": amounts,
    }


def _are_customers(free: Sequence[Looks]) -> bool:
    """Whether rows are people, each with an address, and no orders."""
    addresses = [one for one in free if one.are_addresses]
    return bool(addresses) and not addresses[0].repeat and not any(
        one.have_decimals and one.are_amounts for one in free
    )  # fmt: skip


def _customers(
    table: Table, free: Sequence[Looks], answers: Mapping[str, str]
) -> tuple[Meaning, tuple[Question, ...]]:
    """People by their address; where they have ids as well, which of them their orders have is
    asked."""
    address = next(one for one in free if one.are_addresses)
    ids = [one for one in free if one.are_codes and not one.repeat and not one.are_dates
           and one.filled == address.filled]  # fmt: skip
    mapping = Meaning(kind=Kind.CUSTOMERS, source=OWN_COLUMNS, columns={"email": address.at})
    mapping, asked = _with(mapping, "customer_id", [*ids, address], answers)
    return checked(mapping, table.headers), tuple(asked)


def _are_no_orders(table: Table, missing: Sequence[str]) -> bool:
    """Whether other names tell that rows are something else: goods, sums of customers, payouts."""
    is_named = "order_id" not in missing or "customer_id" not in missing
    return not is_named and any(map(vocabulary().tells_others, table.headers))


def _with(
    mapping: Meaning, ours: str, found: Sequence[Looks], answers: Mapping[str, str]
) -> tuple[Meaning, list[Question]]:
    """The mapping with this column, and the question whether it is the right one."""
    likely = next(iter(found), None)
    answer = answers.get(ABOUT + ours, "")
    answered = next((one for one in found if one.name == answer), None)
    if ours == "order_id" and (answer == EACH_ROW or (likely is None and not answered)):
        return replace(mapping, ids_from_content=True), []
    column = answered or likely
    if column is None:
        return mapping, []
    mapping.columns[ours] = column.at
    if answered or _is_plain(ours, found):
        _tell(mapping, ours, column)
        return mapping, []
    return mapping, [_question(ours, found[:_SHOWN])]


def _with_more(mapping: Meaning, free: Sequence[Looks]) -> Meaning:
    """The mapping with a column of statuses and one of currencies, where values show them."""
    for ours in ("status", "currency"):
        found = [one for one in free if getattr(one, f"are_{_HOLDS[ours]}")
                 and one.at not in mapping.columns.values()]  # fmt: skip
        if ours not in mapping.columns and found:
            mapping.columns[ours] = found[0].at
            _tell(mapping, ours, found[0])
    return mapping


def _is_plain(ours: str, found: Sequence[Looks]) -> bool:
    """Whether nothing else can be meant."""
    if ours == "order_date":
        return len(found) == 1
    return ours == "customer_id" and found[0].are_addresses and found[0].different > 1 and not any(
        one.are_addresses for one in found[1:]
    )  # fmt: skip


def _tell(mapping: Meaning, ours: str, column: Looks) -> None:
    """Say it; with an example only where that names nobody."""
    what = "e-mail addresses" if column.are_addresses else _HOLDS.get(ours, "ids")
    example = "" if ours == "customer_id" else f" such as {column.example!r}"
    text = f"the {ours.replace('_', ' ')} is read from {column.name!r}, which holds {what}{example}"
    mapping.told.append({"about": f"column.{ours}", "text": text})


def _question(ours: str, found: Sequence[Looks]) -> Question:
    choices = [Choice(one.name, f"{one.name}: {one.example}") for one in found]
    if ours == "order_id":
        choices.append(Choice(EACH_ROW, "None of them: each row is an order"))
    return Question(
        about=ABOUT + ours,
        text=_TEXTS[ours],
        found=f"the names do not tell; {found[0].name!r} has values such as {found[0].example!r}",
        proposal=found[0].name,
        choices=tuple(choices),
    )


def with_fitting(mapping: Meaning, table: Table) -> Meaning:
    """The mapping, with the next-best name for a date or an amount where the values of the best
    one are none; those of another one are."""
    if mapping.source != OWN_COLUMNS or mapping.kind is not Kind.ORDERS:
        return mapping
    for ours in ("order_date", "order_amount", "currency"):
        at = mapping.columns.get(ours)
        if at is None or _fits(ours, table, at):
            continue
        if ours == "currency":
            mapping = _without(mapping, ours, table.headers[at].strip())
            continue
        others = [one for one in ranked(mapping.kind, ours, table.headers)
                  if one not in mapping.columns.values() and _fits(ours, table, one)]  # fmt: skip
        if others:
            mapping = _instead(mapping, ours, at, others[0], table.headers)
    return mapping


def _fits(ours: str, table: Table, at: int) -> bool:
    if ours == "currency":
        cells = [cell for cell in table.cells(at) if cell.strip()]
        return not cells or not all(any(map(str.isdigit, cell)) for cell in cells)
    found = table.look(at)
    return not found.filled or (found.are_dates if ours == "order_date" else found.are_amounts)


def _without(mapping: Meaning, ours: str, name: str) -> Meaning:
    text = f"the column {name!r} does not hold currencies, so it is not read"
    mapping.told.append({"about": f"column.{ours}", "text": text})
    columns = {other: at for other, at in mapping.columns.items() if other != ours}
    return replace(mapping, columns=columns, ignored=[*mapping.ignored, name])


def _instead(mapping: Meaning, ours: str, old: int, new: int, headers: Sequence[str]) -> Meaning:
    was, name, what = headers[old].strip(), headers[new].strip(), _HOLDS[ours]
    mapping.told.append({
        "about": f"column.{ours}",
        "text": f"the {ours.replace('_', ' ')} is read from {name!r}; {was!r} holds no {what}",
    })  # fmt: skip
    ignored = [was, *(one for one in mapping.ignored if one != name)]
    return replace(mapping, columns=mapping.columns | {ours: new}, ignored=ignored)


def is_row(headers: Sequence[str], sample: Rows, now: datetime) -> bool:
    """Whether what should be the header is a row like the one below it."""
    below = sample[0] if sample else ()
    kinds = ((kind_of(cell, now), other) for cell, other in zip(headers, below, strict=False))
    return sum(bool(kind) and kind == kind_of(other, now) for kind, other in kinds) > 1


def nameless(width: int) -> list[str]:
    """Names for the columns of a file without a header."""
    return [f"column {at}" for at in range(1, width + 1)]


def tell_nameless(line: int) -> list[dict[str, str]]:
    """What the import says of a file whose rows begin in this line, without a header."""
    text = f"There is no header: line {line} is the first row, and columns are known by their place"
    return [{"about": "header", "text": text}]
