"""Orders of several lines: whole or held back, told where a later file has other lines."""

from collections.abc import Mapping

import pytest

from rfm_common.models import ImportState
from tests.integration.ingest.dropping import Shop
from tests.integration.ingest.test_decisions import decided

UCI = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
PLAIN = "order_id,customer_id,order_date,sku,amount\n"


def uci(order: str, quantity: str, price: str = "5", day: str = "2026-01-02 08:26:00") -> str:
    return f"{order},A,T,{quantity},{day},{price},C{order},UK\n"


def others(count: int = 30) -> str:
    return "".join(uci(str(900 + n), "1") for n in range(count))


async def amounts(shop: Shop) -> Mapping[object, object]:
    return {row[0]: row[3] for row in (await shop.tables())["orders"]}


@pytest.mark.parametrize("bad", [
    uci("1", "one"), uci("1", "1", day="2026-02-30 08:26:00"), uci("1", "1", price="1.2.3"),
    "1,A,T,1,2026-01-02 08:26:00,5,C1,UK,more\n",
])  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_bad_line_holds_its_whole_order_back(shop: Shop, bad: str, place: int) -> None:
    lines = [uci("1", "1"), uci("1", "2")]
    lines.insert(place, bad)
    row = await shop.load("retail.csv", UCI + "".join(lines) + others())
    assert row.state is ImportState.LOADED_WITH_REJECTS
    assert (row.rows_rejected, row.rows_new) == (3, 30)
    assert "1" not in await amounts(shop)
    rejects = await shop.rejects(row)
    assert [item.line for item in rejects] == [2, 3, 4]
    held = [item for item in rejects if item.reason == "order_incomplete"]
    assert {item.message for item in held} == {
        f"line {place + 2} of this order could not be read, so the order is held back"}  # fmt: skip
    assert len(held) == 2


async def test_a_line_of_totals_breaks_no_order(shop: Shop) -> None:
    row = await shop.load("retail.csv", UCI + uci("1", "2") + others() + "Total,,,,,,,\n")
    assert row.rows_rejected == 1
    assert len(await amounts(shop)) == 31


async def test_an_order_that_a_later_file_has_with_other_lines_is_told(shop: Shop) -> None:
    await shop.load("a.csv", UCI + uci("1", "2") + uci("2", "1"))
    second = await shop.load("b.csv", UCI + uci("1", "5") + uci("2", "1") + uci("3", "1"))
    assert second.effects["orders_replaced"] == {"orders": 1, "example": "1"}
    assert second.notes["told"][-1]["text"].startswith(
        "Orders that an earlier file had with other lines: 1, such as '1'.")  # fmt: skip
    third = await shop.load("c.csv", UCI + uci("2", "1") + uci("3", "1") + "\n")
    assert "orders_replaced" not in third.effects


def plain(count: int) -> str:
    return "".join(f"O{n},C{n},2026-01-02,A,5\n" for n in range(count))


@pytest.mark.parametrize(("answer", "amount"), [("sum", 12), ("last", 7)])
async def test_lines_behind_the_first_rows_are_a_question(
    shop: Shop, answer: str, amount: int
) -> None:
    text = PLAIN + plain(2500) + "X,C1,2026-01-02,A,5\nX,C1,2026-01-02,B,7\n"
    held = await shop.load("lines.csv", text)
    assert held.state is ImportState.NEEDS_DECISION
    [question] = held.questions
    assert (question["about"], question["proposal"]) == ("lines", "sum")
    assert not await amounts(shop)
    row = await decided(shop, held, {"lines": answer})
    assert row.state in (ImportState.LOADED, ImportState.LOADED_WITH_REJECTS)
    assert (await amounts(shop))["X"] == amount


async def test_a_corrected_row_of_a_file_that_says_no_more_is_none(shop: Shop) -> None:
    header = "order_id,customer_id,order_date,order_amount\n"
    rows = "".join(f"O{n},C{n},2026-01-02,5\n" for n in range(2500))
    row = await shop.load("orders.csv", header + rows + "X,C1,2026-01-02,5\nX,C1,2026-01-02,7\n")
    assert (row.state, row.rows_superseded) == (ImportState.LOADED, 1)
