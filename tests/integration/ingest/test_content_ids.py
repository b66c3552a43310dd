"""Orders without an id: equal rows stay apart, and a row in two files counts once."""

from tests.integration.ingest.dropping import Shop

HEADER = "date,customer,amount\n"
TWICE = "2024-01-02,C1,5\n"


async def test_equal_rows_are_several_orders_and_the_next_file_adds_only_what_is_new(
    shop: Shop,
) -> None:
    first = await shop.load("january.csv", HEADER + TWICE + "2024-01-03,C2,7\n" + TWICE)
    assert (first.rows_new, first.rows_superseded) == (3, 0)
    again = await shop.load("february.csv", HEADER + "2024-02-01,C1,5\n" + TWICE + TWICE)
    assert (again.rows_new, again.rows_unchanged) == (1, 2)
    orders = (await shop.tables())["orders"]
    assert len(orders) == 4
