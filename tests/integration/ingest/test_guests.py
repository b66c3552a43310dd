"""Orders that name no customer: listed and told, and no reason to refuse their file."""

from rfm_common.models import ImportState
from tests.integration.ingest.dropping import Shop

HEADER = "order_id,customer_id,order_date,order_amount\n"


def rows(*ids: str) -> str:
    return HEADER + "".join(f"O{n},{one},2024-01-02,5\n" for n, one in enumerate(ids))


async def test_guests_do_not_condemn_a_file_of_any_header(shop: Shop) -> None:
    row = await shop.load("orders.csv", rows("C1", "", "NULL", "C1", "guest"))
    assert row.state is ImportState.LOADED_WITH_REJECTS
    assert (row.rows_new, row.rows_rejected, row.notes["guests"]) == (2, 3, 3)
    assert [(item.line, item.reason) for item in await shop.rejects(row)] == [
        (3, "no_customer"), (4, "no_customer"), (6, "no_customer")]  # fmt: skip
    assert row.notes["told"][-1]["text"].startswith("Rows that name no customer: 3.")


async def test_other_faults_still_count(shop: Shop) -> None:
    text = rows("C1", "", "C2") + "X,C3,nonsense,5\n"
    assert (await shop.load("orders.csv", text)).state is ImportState.NEEDS_DECISION


async def test_a_file_of_guests_alone_is_refused(shop: Shop) -> None:
    row = await shop.load("orders.csv", rows("", "", ""))
    assert (row.state, row.message) == (
        ImportState.QUARANTINED, "none of 3 rows names a customer")  # fmt: skip


async def test_guests_among_orders_of_several_lines(shop: Shop) -> None:
    header = "order_id,customer_id,order_date,sku,amount\n"
    text = (
        header + "1,C,2024-01-02,A,5\n1,,2024-01-02,B,7\n2,,2024-01-02,A,5\n2,nan,2024-01-02,B,6\n"
    )
    row = await shop.load("lines.csv", text)
    assert (row.rows_new, row.rows_rejected, row.notes["guests"]) == (2, 2, 2)
