"""What a customer spent in stretches of 90 days, drawn beside what is expected."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from msgspec.structs import replace

from gateway.customers.outlook import in_words
from gateway.customers.schemas import CustomerScores, Outlook
from gateway.customers.spending import SHOWN, Drawing, Spent, draw
from gateway.kit.numbers import Numbers

UNTIL = datetime(2026, 6, 30, 20, 59, tzinfo=UTC)
NUMBERS = Numbers(Locale("en", "GB"), ZoneInfo("UTC"), "EUR")
AT = CustomerScores(
    calc_date=UNTIL, run_id=1, recency_days=3, frequency=2, monetary=Decimal(9), r_score=3,
    f_score=3, m_score=3, segment_name="At Risk", cluster_id=0,
)  # fmt: skip


def outlook(low: str, mean: str, high: str) -> Outlook:
    amounts = {f"expected_revenue_{days}": Decimal(mean) for days in (30, 90, 365)}
    orders = {f"expected_orders_{days}": 1.0 for days in (30, 90, 365)}
    return Outlook(
        **orders, **amounts, revenue_90_low=Decimal(low), revenue_90_high=Decimal(high),
        expected_loss_90=Decimal(0), buys_again_90=0.5, half_back_days=None, overdue=None,
        model="Because.",
    )  # fmt: skip


def drawn(*spent: tuple[int, str], range_: tuple[str, str, str] = ("10", "50", "100")) -> Drawing:
    listed = [Spent(ago=ago, money=Decimal(money), left_out=1) for ago, money in spent]
    return draw(listed, outlook(*range_), UNTIL, ZoneInfo("Europe/Berlin"))


def test_stretches_come_oldest_first_with_those_in_between() -> None:
    found = drawn((0, "20"), (2, "200"))
    assert [(bar.money, bar.width) for bar in found.bars] == [(200, 100), (0, 0), (20, 10)]
    assert [f"{bar.until:%d.%m.}" for bar in found.bars] == ["01.01.", "01.04.", "30.06."]
    assert (found.low, found.mean, found.high) == (5, 25, 50)
    assert found.left_out == 2


def test_what_is_expected_may_be_the_widest() -> None:
    found = drawn((0, "20"), range_=("0", "80", "40"))
    assert (found.bars[0].width, found.mean, found.high) == (25, 100, 50)


def test_what_is_older_is_not_drawn() -> None:
    found = drawn((0, "20"), (SHOWN, "999"))
    assert len(found.bars) == SHOWN
    assert sum(bar.money for bar in found.bars) == 20
    assert found.left_out == 1


@pytest.mark.parametrize(
    ("high", "words"),
    [
        ("100", "eight of ten bring between €10.00 and €100."),
        ("0", "at least nine of ten bring nothing."),
    ],
)
def test_the_range_is_told_in_words(high: str, words: str) -> None:
    assert in_words(NUMBERS, outlook("10", "50", high), AT)[1].endswith(words)


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.5, "about 50 order again within"),
        (0.01, "about 1 orders again within"),
        (0.002, "hardly anybody orders again within"),
    ],
)
def test_nobody_is_told_that_zero_order_again(chance: float, words: str) -> None:
    one = replace(outlook("0", "1", "0"), buys_again_90=chance)
    assert words in in_words(NUMBERS, one, AT)[0]


@pytest.mark.parametrize("spent", [[], [(0, "0")], [(0, "-30")]])
def test_nothing_is_drawn_of_nothing(spent: list[tuple[int, str]]) -> None:
    """Refunds may leave less than nothing."""
    found = drawn(*spent, range_=("0", "0", "0"))
    assert [bar.width for bar in found.bars] == [0]
    assert (found.low, found.mean, found.high) == (0, 0, 0)
