"""Statuses of a whole file: translated, kept, listed on the import, asked about."""

import pytest

from rfm_common.models import ImportState
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop
from tests.integration.ingest.test_decisions import decided


def orders(*words: str) -> str:
    lines = (f"O{n},C{n % 5},2024-01-02,5.00,EUR,{word}\n" for n, word in enumerate(words))
    return ORDERS_HEADER + "".join(lines)


async def states(shop: Shop) -> set[tuple[str, str | None]]:
    return set((await shop.statuses()).values())


async def test_an_import_lists_what_its_words_were_taken_for(shop: Shop) -> None:
    row = await shop.load("orders.csv", orders("Shipped", "shipped", "", "Canceled"))
    assert row.state is ImportState.LOADED
    assert sorted(row.notes["statuses"], key=lambda item: item["word"]) == [
        {"word": "", "rows": 1, "status": "completed", "is_counted": True},
        {"word": "canceled", "rows": 1, "status": "cancelled", "is_counted": False},
        {"word": "shipped", "rows": 2, "status": "completed", "is_counted": True},
    ]
    assert await states(shop) == {
        ("completed", "shipped"), ("completed", ""), ("cancelled", "canceled")}  # fmt: skip


@pytest.mark.parametrize("place", [0, 5000])
async def test_a_word_that_nobody_knows_holds_the_file_wherever_it_stands(
    shop: Shop, place: int
) -> None:
    words = ["paid"] * 5001
    words[place] = "2"
    held = await shop.load("orders.csv", orders(*words))
    assert held.state is ImportState.NEEDS_DECISION
    [question] = held.questions
    assert (question["about"], question["found"]) == ("status.2", "1 of 5,001 orders have it")
    ways = {way["answers"]["status.2"]: way["numbers"]["orders_not_counted"]
            for way in held.preview["ways"]}  # fmt: skip
    assert ways == {"completed": 0, "cancelled": 1, "refunded": 1, "pending": 1}
    assert await states(shop) == set()

    row = await decided(shop, held, {"status.2": "refunded"}, remember=True)
    assert row.state is ImportState.LOADED
    assert await states(shop) == {("completed", "paid"), ("refunded", "2")}

    again = await shop.load("more.csv", orders("2", "2"))
    assert again.state is ImportState.LOADED


async def test_the_words_that_an_operator_lists_decide_alone(shop: Shop) -> None:
    listed = frozenset({"2", "shipped"})
    settings = shop.settings.model_copy(update={"counted_statuses": listed})
    shop = Shop(settings, shop.sessions, shop.redis)
    row = await shop.load("orders.csv", orders("2", "Shipped", "paid", "odd", ""))
    assert row.state is ImportState.LOADED
    assert {item["word"]: item["is_counted"] for item in row.notes["statuses"]} == {
        "2": True, "shipped": True, "paid": False, "odd": False, "": True}  # fmt: skip
    assert await states(shop) == {
        ("2", None), ("completed", "shipped"), ("completed", "paid"), ("odd", None),
        ("completed", "")}  # fmt: skip


async def test_of_an_orders_lines_the_first_that_says_it_tells_the_status(shop: Shop) -> None:
    header = "order_id,customer_id,order_date,sku,amount,status\n"
    row = await shop.load("lines.csv", header + "".join([
        "1,C,2024-01-02,A,5,\n1,C,2024-01-02,B,7,Voided\n",
        "2,C,2024-01-02,A,5,\n2,C,2024-01-02,B,7,\n",
        "3,C,2024-01-02,A,5,completed\n3,C,2024-01-02,B,7,\n"]))  # fmt: skip
    assert row.state is ImportState.LOADED
    assert await states(shop) == {
        ("cancelled", "voided"), ("completed", ""), ("completed", None)}  # fmt: skip


async def test_a_table_that_is_rebuilt_keeps_words(shop: Shop) -> None:
    settings = shop.settings.model_copy(update={"rebuild_rows": 1})
    shop = Shop(settings, shop.sessions, shop.redis)
    await shop.load("a.csv", orders("paid"))
    await shop.load("b.csv", orders("paid", "Shipped", "draft"))
    assert await states(shop) == {
        ("completed", "paid"), ("completed", "shipped"), ("pending", "draft")}  # fmt: skip


LINES = "order_id,customer_id,order_date,sku,amount,status\n"


@pytest.mark.parametrize(("statuses", "found"), [
    (("Shipped", "Cancelled"), (5, "completed", "shipped")),
    (("cancelled", "completed"), (7, "completed", None)),
    (("returned", "cancelled"), (12, "refunded", "returned")),
    (("", "paid"), (12, "completed", "paid")),
    (("voided", ""), (12, "cancelled", "voided")),
])  # fmt: skip
async def test_of_an_orders_lines_those_that_count_are_the_order(
    shop: Shop, statuses: tuple[str, str], found: tuple[object, ...]
) -> None:
    lines = [f"1,C,2024-01-02,{n},{amount},{status}\n"
             for n, (amount, status) in enumerate(zip((5, 7), statuses, strict=True))]  # fmt: skip
    await shop.load("lines.csv", LINES + "".join(lines))
    [order] = (await shop.tables())["orders"]
    assert (order[3], *(await shop.statuses())["1"]) == found


async def test_a_line_that_was_paid_back_is_not_of_the_order(shop: Shop) -> None:
    header = "order_id,customer_id,order_date,sku,amount,refunded_amount\n"
    rows = (
        "1,C,2024-01-02,A,5,5\n1,C,2024-01-02,B,7,2\n2,C,2024-01-02,A,5,5\n2,C,2024-01-02,B,6,6\n"
    )
    await shop.load("lines.csv", header + rows)
    orders = [(row[0], row[3], row[5]) for row in (await shop.tables())["orders"]]
    assert orders == [("1", 5, "completed"), ("2", 11, "refunded")]
