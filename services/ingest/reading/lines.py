"""Whether several rows make one order, told by the first rows of a file."""

from collections import abc, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from ingest.reading.mapping import Mapping
from ingest.reading.questions import Choice, Question
from ingest.reading.vocabulary import KNOWN, vocabulary
from rfm_common.models import Kind

Row = Sequence[str]
CHOICES = (
    Choice("last", "each line repeats the order's amount: count it once"),
    Choice("sum", "each line has an amount of its own: add them up"),
)


def with_lines(
    mapping: Mapping, headers: Sequence[str], sample: Sequence[Row], answers: abc.Mapping[str, str]
) -> tuple[Mapping, tuple[Question, ...]]:
    """The mapping, adding up lines where that is what they are, or the question whether to."""
    whole = [row for row in sample if len(row) == len(headers)]
    orders = _of_several_lines(mapping, whole) if _is_open(mapping) else []
    if not orders:
        return mapping, ()
    if answer := answers.get("lines"):
        return replace(mapping, line_items=answer == "sum"), ()
    amount = mapping.columns["order_amount"]
    differing = [rows for rows in orders if len({row[amount].strip() for row in rows}) > 1]
    seen = f"order {orders[0][0][mapping.columns['order_id']]!r} has {len(orders[0])} lines"
    if differing:
        text = f"{seen} with other contents: several lines make one order, their amounts add up"
        mapping.told.append({"about": "lines", "text": text})
        return replace(mapping, line_items=True), ()
    if vocabulary().grade(Kind.ORDERS, "order_amount", headers[amount]) > KNOWN - 1:
        text = f"{seen} with the same {headers[amount].strip()!r}: it counts once"
        mapping.told.append({"about": "lines", "text": text})
        return mapping, ()
    return mapping, (_question(seen, headers[amount].strip()),)


def _is_open(mapping: Mapping) -> bool:
    """Whether nobody has said yet if rows are lines."""
    told = mapping.line_items or mapping.source == "mapping.toml"
    return mapping.kind is Kind.ORDERS and not told and "order_amount" in mapping.columns


def _of_several_lines(mapping: Mapping, sample: Sequence[Row]) -> list[list[Row]]:
    """The lines of each order that has several: one buyer, one date, other contents.

    Rows that differ in nothing but what we read are corrections, not lines.
    """
    orders: dict[str, list[Row]] = defaultdict(list)
    for row in sample:
        if order_id := row[mapping.columns["order_id"]].strip():
            orders[order_id].append(row)
    used = set(mapping.columns.values())
    same = [mapping.columns[name] for name in ("customer_id", "order_date")]
    return [
        rows for rows in orders.values()
        if len(rows) > 1
        and all(len({row[at].strip() for row in rows} - {""}) <= 1 for at in same)
        and any(
            len({row[at].strip() for row in rows}) > 1
            for at in range(len(rows[0])) if at not in used
        )
    ]  # fmt: skip


def _question(seen: str, amount: str) -> Question:
    return Question(
        about="lines",
        text="Does each line of an order repeat its amount, or have an amount of its own?",
        found=f"{seen}, each with the same {amount!r}",
        proposal="last",
        choices=CHOICES,
    )
