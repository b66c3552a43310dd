"""What a customer is expected to buy: as it is stored, and in words."""
# ruff: noqa: S608 - what is put into the statement are columns and placeholders

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.schemas import LACKING, CustomerScores, Outlook
from gateway.kit import rows
from gateway.kit.expected import COMPUTING
from gateway.kit.numbers import Numbers
from gateway.kit.outlook import figure_columns
from rfm_common.snapshots import VALUES

NEVER_BOUGHT = (
    "This customer has no counted order up to the date of the scores, so there is nothing to tell"
    " from what they will buy."
)
LATE = 1.5
"""Silent for so many times the usual gap is worth a sentence."""


def outlook_sql(customer: str, moment: str) -> str:
    """SQL: the columns of `Outlook` for a customer in the snapshot of a moment; no row for whoever
    never bought, nor before the figures are computed.

    A statement that begins while they are shown may see them before the row of their run.
    """
    return f"""
        SELECT {figure_columns()}, r.forecast -> 'model' ->> 'why' AS model
        FROM {VALUES} v JOIN scoring_runs r ON r.calc_date = v.calc_date AND r.is_current
        WHERE v.customer_id = {customer} AND v.calc_date = {moment}
          AND v.expected_orders_90 IS NOT NULL AND r.forecast -> 'model' IS NOT NULL"""


def bought_sql(customer: str, moment: str) -> str:
    """SQL: false once it is known that the customer of the snapshot never bought."""
    return f"""
        NOT EXISTS (SELECT FROM {VALUES} v WHERE v.customer_id = {customer}
                    AND v.calc_date = {moment} AND v.expected_orders_90 IS NULL)"""


def why_none(*, is_scored: bool, bought: bool) -> str:
    """Why a customer has no outlook."""
    if not is_scored:
        return "This customer is in no scores yet, so nothing is expected of them."
    return COMPUTING if bought else NEVER_BOUGHT


async def find_outlook(
    session: AsyncSession, customer_id: str, at: CustomerScores
) -> Outlook | None:
    """Of the customer's snapshot."""
    query = outlook_sql(":customer_id", "CAST(:moment AS timestamptz)")
    return await rows.one(session, Outlook, query, customer_id=customer_id, moment=at.calc_date)


async def find_why_none(session: AsyncSession, customer_id: str, at: CustomerScores) -> str:
    """Why a customer of a snapshot has none."""
    query = f"SELECT {bought_sql(':customer_id', 'CAST(:moment AS timestamptz)')}"
    bought = await rows.scalar(session, query, customer_id=customer_id, moment=at.calc_date)
    return why_none(is_scored=True, bought=bought)


def in_words(numbers: Numbers, outlook: Outlook, at: CustomerScores) -> list[str]:
    """Sentences for somebody who knows no statistics."""
    again = round(outlook.buys_again_90 * 100)
    verb = "orders" if again == 1 else "order"
    how_many = f"about {numbers.count(again)} {verb}" if again else "hardly anybody orders"
    told = [
        f"Of 100 customers like this one, {how_many} again within 90 days.",
        f"Each of the 100 brings {numbers.money(outlook.expected_revenue_90)} on average;"
        f" {_range(numbers, outlook)}.",
        _when(numbers, outlook, at),
    ]
    if outlook.overdue is None:
        told.append(LACKING["overdue"])
    elif outlook.overdue >= LATE:
        told.append(
            f"This customer has been silent for {numbers.decimal(outlook.overdue)} times the usual"
            " gap between orders."
        )
    return told


def _range(numbers: Numbers, outlook: Outlook) -> str:
    if not outlook.revenue_90_high:
        return "at least nine of ten bring nothing"
    low, high = numbers.money(outlook.revenue_90_low), numbers.money(outlook.revenue_90_high)
    return f"eight of ten bring between {low} and {high}"


def _when(numbers: Numbers, outlook: Outlook, at: CustomerScores) -> str:
    if outlook.half_back_days is None:
        return LACKING["half_back_days"]
    day = numbers.day(at.calc_date + timedelta(days=outlook.half_back_days))
    return f"Half of them will have ordered again by {day}."
