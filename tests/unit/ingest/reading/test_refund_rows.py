"""Rows with a negative amount that have the id of the order that they pay back."""

import pytest

from tests.unit.ingest.reading.reading import Read, read

HEAD = "order_id,customer_id,order_date,order_amount"


def rows(of: Read) -> dict[str, float]:
    found = of.rows.select("order_id", "order_amount").iter_rows()
    return {order: float(amount) for order, amount in found}


@pytest.mark.parametrize("refund", ["-5.00", "($5.00)", "5.00-", "\u22125.00"])
def test_a_refund_of_a_later_day_does_not_take_the_place_of_its_order(refund: str) -> None:
    found = read(f"{HEAD}\n1,C1,2026-09-13,20.00\n1,C1,2026-09-20,{refund}\n2,C2,2026-09-14,10\n")
    assert rows(found) == {"1": 20, "1 refund 2026-09-20 -5": -5, "2": 10}
    assert "refunds" in {note["about"] for note in found.told}


def test_each_refund_of_an_order_is_one() -> None:
    found = read(f"{HEAD}\n1,C1,2026-09-13,20\n1,C1,2026-09-20,-5\n1,C1,2026-09-21,-5\n")
    assert sorted(rows(found).values()) == [-5, -5, 20]


def test_the_same_refund_has_the_same_id_in_another_file() -> None:
    first = read(f"{HEAD}\n1,C1,2026-09-13,20\n1,C1,2026-09-20,-5.00\n")
    second = read(f"{HEAD}\n2,C1,2026-09-14,7\n2,C1,2026-09-15,-7\n1,C1,2026-09-20,-5.0\n")
    assert set(rows(first)) - {"1"} == set(rows(second)) - {"2", "2 refund 2026-09-15 -7"}


@pytest.mark.parametrize("text", [
    f"{HEAD}\n1,C1,2026-09-13,20\n1-R,C1,2026-09-20,-5\n",
    f"{HEAD}\n1,C1,2026-09-13,20\n2,C1,2026-09-20,-5\n",
    f"{HEAD}\n1,C1,2026-09-13,-20\n1,C1,2026-09-13,-5\n",
])  # fmt: skip
def test_a_refund_with_an_id_of_its_own_keeps_it(text: str) -> None:
    assert not any("refund" in order for order in rows(read(text)))


def test_a_discount_is_a_line_of_its_order() -> None:
    found = read(f"{HEAD},item\n1,C1,2026-09-13,20,Shirt\n1,C1,2026-09-13,-5,Discount\n")
    assert found.layout.mapping.line_items
    assert [*map(float, found.rows["order_amount"])] == [20, -5]
