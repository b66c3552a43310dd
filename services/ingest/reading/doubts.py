"""Files whose names tell enough, and whose first rows say that something is amiss: people who come
again with dates and amounts, and one address in all rows."""

from collections.abc import Mapping

from ingest.reading.by_values import ABOUT, Table
from ingest.reading.looks import Looks
from ingest.reading.mapping import OWN_COLUMNS
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.questions import Choice, Question
from ingest.reading.vocabulary import vocabulary
from ingest.refusal import RefusedError
from rfm_common.models import Kind

OWN_ADDRESS = "-"
"""The answer that an address is the shop's own."""
_FEW, _MANY = 2, 10
"""Rows with one address that are too many to be of one customer without a word: in a report of
fees and payouts, and in other files."""


def are_orders(mapping: Meaning, table: Table) -> bool:
    """Whether a file of people is one of orders: they come again, with dates and amounts."""
    at = mapping.columns.get("customer_id")
    if mapping.kind is not Kind.CUSTOMERS or mapping.source != OWN_COLUMNS or at is None:
        return False
    if not table.look(at).repeat or any(map(vocabulary().tells_others, table.headers)):
        return False
    found = [table.look(one) for one in range(len(table.headers)) if one != at]
    return any(one.are_dates for one in found) and any(
        one.are_amounts and one.have_decimals and not one.are_dates for one in found
    )


def one_address(mapping: Meaning, table: Table, answers: Mapping[str, str]) -> tuple[Question, ...]:
    """The question whose address it is, where all of the first rows have the same one.

    Raises RefusedError where it is said to be the shop's own.
    """
    at = mapping.columns.get("customer_id")
    if mapping.kind is not Kind.ORDERS or mapping.source != OWN_COLUMNS or at is None:
        return ()
    column = table.look(at)
    is_report = any(map(vocabulary().tells_others, table.headers))
    if (
        column.filled < (_FEW if is_report else _MANY)
        or column.different > 1
        or not column.are_addresses
    ):
        return ()
    answer = answers.get(ABOUT + "customer_id")
    if answer == OWN_ADDRESS:
        raise RefusedError(
            "no_customers",
            f"the column {column.name!r} holds the shop's own address, and no other column tells"
            " customers apart; export the orders with their customers",
        )
    return () if answer == column.name else (_whose(column),)


def _whose(column: Looks) -> Question:
    return Question(
        about=ABOUT + "customer_id",
        text="Whose e-mail address is it?",
        found=f"all of the first {column.filled:,} rows have {column.example!r} in {column.name!r}",
        proposal=OWN_ADDRESS,
        choices=(
            Choice(OWN_ADDRESS, "The shop's own: refuse the file, it names no customers"),
            Choice(column.name, "A customer's: all of these orders are of one customer"),
        ),
    )
