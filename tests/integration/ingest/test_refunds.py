"""Rows with a negative amount that have the id of the order that they pay back."""

import itertools

import pytest

from tests.integration.ingest.dropping import Shop
from tests.integration.ingest.test_undo import undone

HEAD = "order_id,customer_id,order_date,order_amount\n"
ORDER = "1,C1,2026-09-13,20.00\n"
REFUND = "1,C1,2026-09-20,-5.00\n"
SECOND = "1,C1,2026-09-21,-5\n"
OWN = "1 refund 2026-09-20 -5"
OTHERS = "2,C2,2026-09-14,10\n"


async def amounts(shop: Shop) -> dict[str, float]:
    return {str(row[0]): float(row[3]) for row in (await shop.tables())["orders"]}  # type: ignore[arg-type]


@pytest.mark.parametrize("refund", ["-5.00", "($5.00)", "5.00-", "\u22125.00"])
async def test_a_refund_does_not_take_the_place_of_its_order(shop: Shop, refund: str) -> None:
    row = await shop.load("a.csv", f"{HEAD}{ORDER}1,C1,2026-09-20,{refund}\n{OTHERS}")
    assert await amounts(shop) == {"1": 20, OWN: -5, "2": 10}
    assert [note["text"] for note in row.notes["told"] if note["about"] == "refunds"] == [
        "Rows with a negative amount and the id of an order: 1, such as '1'. They are refunds:"
        " they lower what the customer paid, and the order stays."
    ]


@pytest.mark.parametrize("files", [
    [ORDER, REFUND],
    [ORDER, REFUND, SECOND],
    [ORDER + OTHERS, REFUND + SECOND],
    [ORDER, REFUND, REFUND + OTHERS],
    [ORDER + REFUND, SECOND + OTHERS],
])  # fmt: skip
async def test_it_does_not_matter_which_file_comes_first(shop: Shop, files: list[str]) -> None:
    rows = "".join(files)
    expected = {"1": 20.0, OWN: -5.0}
    expected |= {"1 refund 2026-09-21 -5": -5.0} if SECOND in rows else {}
    expected |= {"2": 10.0} if OTHERS in rows else {}
    for order in itertools.permutations(files):
        for number, text in enumerate(order):
            await shop.load(f"{number}.csv", HEAD + text)
        assert await amounts(shop) == expected
        await shop.clear()


@pytest.mark.parametrize("text", [
    f"{ORDER}1-R,C1,2026-09-20,-5\n",
    f"{ORDER}2,C1,2026-09-20,-5\n",
    "1,C1,2026-09-20,-5\n1,C1,2026-09-20,-5\n",
])  # fmt: skip
async def test_a_refund_with_an_id_of_its_own_keeps_it(shop: Shop, text: str) -> None:
    await shop.load("a.csv", HEAD + text)
    assert not any("refund" in order for order in await amounts(shop))


async def test_two_refunds_of_an_order_that_never_came_are_two(shop: Shop) -> None:
    await shop.load("a.csv", HEAD + REFUND)
    await shop.load("b.csv", HEAD + REFUND + SECOND)
    assert sorted((await amounts(shop)).values()) == [-5, -5]


async def test_a_refund_behind_the_first_rows_is_one(shop: Shop) -> None:
    many = "".join(f"X{n},C{n},2026-09-01,7\n" for n in range(3000))
    await shop.load("a.csv", HEAD + ORDER + many + REFUND)
    found = await amounts(shop)
    assert (found["1"], found[OWN], len(found)) == (20, -5, 3002)


async def test_lines_that_pay_back_lines_of_an_earlier_file(shop: Shop) -> None:
    head = "order_id,customer_id,order_date,sku,amount\n"
    await shop.load("a.csv", head + "1,C1,2026-09-13,A,20\n1,C1,2026-09-13,B,10\n")
    row = await shop.load("b.csv", head + "1,C1,2026-09-20,A,-4\n1,C1,2026-09-20,B,-2\n"
                          "2,C2,2026-09-14,A,1\n2,C2,2026-09-14,B,2\n")  # fmt: skip
    assert await amounts(shop) == {"1": 30, "1 refund 2026-09-20 -6": -6, "2": 3}
    assert (row.rows_total, row.rows_new) == (4, 4)


async def test_an_undone_order_takes_no_refund_along(shop: Shop) -> None:
    first = await shop.load("a.csv", HEAD + ORDER)
    await shop.load("b.csv", HEAD + REFUND)
    await undone(shop, first)
    assert await amounts(shop) == {OWN: -5}


async def test_an_undone_refund_comes_back_where_another_file_has_it(shop: Shop) -> None:
    await shop.load("a.csv", HEAD + ORDER)
    await shop.load("b.csv", HEAD + REFUND)
    row = await shop.load("c.csv", HEAD + REFUND.replace("C1", "C9") + OTHERS)
    await undone(shop, row)
    assert await amounts(shop) == {"1": 20, OWN: -5}
