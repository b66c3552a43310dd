"""Whether several rows make one order, told by the first rows of a file."""

from collections import abc, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from ingest.reading.mapping import Mapping
from ingest.reading.questions import Choice, Question
from ingest.reading.vocabulary import KNOWN, vocabulary
from rfm_common.models import Kind

Row = Sequence[str]
ABOUT = "lines"
"""The key of the question, and of what is told without asking."""
CHOICES = (
    Choice("last", "Each line repeats the amount of the order: it counts once"),
    Choice("sum", "Each line has an amount of its own: they add up"),
)


def with_lines(
    mapping: Mapping, headers: Sequence[str], sample: Sequence[Row], answers: abc.Mapping[str, str]
) -> tuple[Mapping, tuple[Question, ...]]:
    """The mapping, adding up lines where that is what they are, or the question whether to."""
    if not _is_open(mapping):
        return mapping, ()
    if answer := answers.get(ABOUT):
        return replace(mapping, line_items=answer == "sum"), ()
    orders = _of_several_lines(mapping, [row for row in sample if len(row) == len(headers)])
    if not orders:
        return mapping, ()
    amount = mapping.columns["order_amount"]
    differing = [rows for rows in orders if len({row[amount].strip() for row in rows}) > 1]
    seen = f"order {orders[0][0][mapping.columns['order_id']]!r} has {len(orders[0])} lines"
    if differing:
        text = f"{seen} with other contents: several lines make one order, their amounts add up"
        mapping.told.append({"about": ABOUT, "text": text})
        return replace(mapping, line_items=True), ()
    if vocabulary().grade(Kind.ORDERS, "order_amount", headers[amount]) > KNOWN - 1:
        text = f"{seen} with the same {headers[amount].strip()!r}: it counts once"
        mapping.told.append({"about": ABOUT, "text": text})
        return mapping, ()
    return mapping, (_question(seen, headers[amount].strip()),)


def asks_for_lines(mapping: Mapping, answers: abc.Mapping[str, str]) -> bool:
    """Whether rows of one order with other amounts, behind the first rows, are to be asked about:
    where the file says more of a row than is read, and neither a person nor the first rows told.
    """
    is_told = ABOUT in answers or any(note["about"] == ABOUT for note in mapping.told)
    return _is_open(mapping) and bool(mapping.ignored) and not is_told


def question_behind(orders: int, example: str) -> Question:
    """The question about orders that have several rows with other amounts."""
    return Question(
        about=ABOUT,
        text="Does the last row of an order correct the others, or"
        " is each row a line of the order?",
        found=f"{orders:,} orders have several rows with other amounts, such as {example!r}",
        proposal="sum",
        choices=(
            Choice("last", "The last row corrects the others: it alone counts"),
            Choice("sum", "Each row is a line of the order: they add up"),
        ),
    )


def _is_open(mapping: Mapping) -> bool:
    """Whether nobody has said yet if rows are lines."""
    told = mapping.line_items or mapping.source == "mapping.toml"
    return not told and {"order_id", "order_amount"} <= set(mapping.columns)


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
        about=ABOUT,
        text="Does each line of an order repeat its amount, or have an amount of its own?",
        found=f"{seen}, each with the same {amount!r}",
        proposal="last",
        choices=CHOICES,
    )
