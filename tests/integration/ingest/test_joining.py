"""Customers known by number in one file and by e-mail address in another are one."""

from itertools import permutations

import pytest

from ingest.importer import Importer
from ingest.keeping.erasing import Eraser
from ingest.lake.sync import Lake
from rfm_common.db import run_sql
from rfm_common.erasure import erase_now
from rfm_common.exclusion import set_excluded
from rfm_common.models import Import, ImportState
from tests.integration.ingest import lakes
from tests.integration.ingest.dropping import Shop
from tests.integration.ingest.test_corrections import corrected
from tests.integration.ingest.test_undo import ids as rows_of
from tests.integration.ingest.test_undo import undone

BY_EMAIL = """Order,Email,Date,Total
A1,Anna@ex.test,2026-01-02,10
A2,bo@ex.test,2026-01-03,20
A3,anna@ex.test ,2026-01-04,30
"""
BY_NUMBER = "order_id,customer_id,order_date,order_amount\nN1,912,2026-02-02,40\n"
BOTH = "order_id,customer_id,email,order_date,order_amount\nB1,912,ANNA@ex.test,2026-03-02,50\n"
CUSTOMERS = "customer_id,email,country\n912,anna@EX.test,DE\n913,cy@ex.test,FR\n"
AUDIENCE = "Email Address,Country\nanna@ex.test,AT\nbo@ex.test,IT\n"


async def owners(shop: Shop) -> dict[str, str]:
    """Whose each order is."""
    return {str(row[0]): str(row[1]) for row in (await shop.tables())["orders"]}


async def people(shop: Shop) -> list[str]:
    """Everybody who is somebody of their own."""
    async with shop.sessions() as session:
        found = await run_sql(
            session, "SELECT customer_id FROM customers WHERE joined_to IS NULL ORDER BY 1"
        )
        return list(found.scalars())


def told(row: Import) -> list[str]:
    return [note["text"] for note in row.notes["told"] if note["about"] == "joined"]


@pytest.mark.parametrize("says_both", [CUSTOMERS, BOTH])
async def test_a_file_says_both_before_or_after_the_file_with_addresses(
    shop: Shop, says_both: str
) -> None:
    states = []
    for files in permutations((BY_EMAIL, BY_NUMBER, says_both)):
        for number, content in enumerate(files):
            row = await shop.load(f"{number}.csv", content)
            assert row.state is ImportState.LOADED
        states.append((await owners(shop), await people(shop)))
        await shop.clear()
    found = {"A1": "912", "A2": "bo@ex.test", "A3": "912", "N1": "912"}
    found |= {"B1": "912"} if says_both == BOTH else {}
    assert states[0][0] == found
    assert all(state == states[0] for state in states)


async def test_the_import_says_how_many_were_joined(shop: Shop) -> None:
    first = await shop.load("mail.csv", BY_EMAIL)
    row = await shop.load("customers.csv", CUSTOMERS)
    again = await shop.load("more.csv", BY_EMAIL.replace("\nA", "\nX"))
    assert told(first) == []
    assert told(row) == told(again) == [
        "Customers whom one file names by id and another by e-mail address, joined because a file"
        " has both: 1, such as 'anna@ex.test', who is '912'."
    ]  # fmt: skip
    assert row.effects["joined_anew"] == 1
    assert "joined_anew" not in again.effects
    assert again.effects["new_customers"] == 0
    same = await shop.load("same.csv", BY_EMAIL + "\n")
    assert (same.rows_unchanged, same.rows_total) == (3, 3)


@pytest.mark.parametrize("says_both", [CUSTOMERS, BOTH])
async def test_two_numbers_with_one_address_are_not_joined(shop: Shop, says_both: str) -> None:
    await shop.load("mail.csv", BY_EMAIL)
    await shop.load("both.csv", says_both)
    row = await shop.load("c2.csv", "customer_id,email\n7,anna@ex.test\n")
    assert (await owners(shop))["A1"] == "anna@ex.test"
    assert told(row) == [
        "E-mail addresses of several customers: 1, such as 'anna@ex.test' ('7' and '912'). Orders"
        " that name only the address stay with a separate customer."
    ]  # fmt: skip
    assert "anna@ex.test" in await people(shop)
    later = await shop.load("more.csv", BY_EMAIL.replace("A1", "X1"))
    assert told(later) == told(row)
    await undone(shop, row)
    assert (await owners(shop))["A1"] == (await owners(shop))["X1"] == "912"


@pytest.mark.parametrize("says_both", [CUSTOMERS, BOTH])
@pytest.mark.parametrize("place", [0, 2])
async def test_undoing_the_file_that_said_both_restores_what_was(
    shop: Shop, says_both: str, place: int
) -> None:
    others = [BY_EMAIL, BY_NUMBER]
    for number, content in enumerate(others):
        await shop.load(f"{number}.csv", content)
    before = await shop.tables(), await people(shop)
    await shop.clear()
    row = None
    for number, content in enumerate([*others[:place], says_both, *others[place:]]):
        loaded = await shop.load(f"{number}.csv", content)
        row = loaded if content == says_both else row
    assert row
    await undone(shop, row)
    assert (await shop.tables(), await people(shop)) == before


@pytest.mark.slow
async def test_each_file_can_be_undone_in_any_order(shop: Shop) -> None:
    files = {"mail": BY_EMAIL, "number": BY_NUMBER, "both": BOTH, "people": CUSTOMERS,
             "audience": AUDIENCE}  # fmt: skip
    for gone in files:
        for name in [name for name in files if name != gone]:
            await shop.load(f"{name}.csv", files[name])
        left = await shop.tables(), await people(shop)
        await shop.clear()
        rows = {name: await shop.load(f"{name}.csv", files[name]) for name in files}
        await undone(shop, rows[gone])
        assert (await shop.tables(), await people(shop)) == left, gone
        for name in files:
            if name != gone:
                await undone(shop, rows[name])
        assert await rows_of(shop) == [], gone
        await shop.clear()


async def test_a_newer_address_does_not_part_old_orders_from_their_customer(shop: Shop) -> None:
    await shop.load("mail.csv", BY_EMAIL)
    first = await shop.load("c1.csv", CUSTOMERS)
    second = await shop.load("c2.csv", "customer_id,email\n912,bo@ex.test\n")
    assert await owners(shop) == dict.fromkeys(("A1", "A2", "A3"), "912")
    await undone(shop, second)
    assert await owners(shop) == {"A1": "912", "A2": "bo@ex.test", "A3": "912"}
    await undone(shop, first)
    assert await owners(shop) == {"A1": "anna@ex.test", "A2": "bo@ex.test", "A3": "anna@ex.test"}


async def test_a_list_of_addresses_is_joined_as_well(shop: Shop) -> None:
    await shop.load("a.csv", AUDIENCE)
    await shop.load("customers.csv", CUSTOMERS)
    assert await people(shop) == ["912", "913", "bo@ex.test"]
    await shop.load("a2.csv", AUDIENCE.replace("AT", "CH") + "cy@ex.test,ES\n")
    assert await people(shop) == ["912", "913", "bo@ex.test"]


async def test_lines_of_an_order_are_joined(shop: Shop) -> None:
    header = "order_id,email,order_date,sku,quantity,unit_price\n"
    lines = "1,anna@ex.test,2024-01-02,A,1,5\n1,anna@ex.test,2024-01-02,B,2,7\n"
    lines += "2,bo@ex.test,2024-01-03,A,1,5\n"
    await shop.load("customers.csv", CUSTOMERS)
    row = await shop.load("lines.csv", header + lines)
    assert (row.rows_new, await owners(shop)) == (3, {"1": "912", "2": "bo@ex.test"})


async def test_a_first_big_load_is_joined(shop: Shop) -> None:
    await shop.load("customers.csv", CUSTOMERS)
    await shop.load("number.csv", BY_NUMBER)
    settings = shop.settings.model_copy(update={"rebuild_rows": 2})
    shop.importer = Importer(settings, shop.sessions, shop.redis)
    row = await shop.load("mail.csv", BY_EMAIL)
    assert (row.rows_new, row.effects["new_customers"]) == (3, 1)
    assert await owners(shop) == {"A1": "912", "A2": "bo@ex.test", "A3": "912", "N1": "912"}


async def test_the_lake_follows(shop: Shop) -> None:
    place = {"lake": f"file://{shop.settings.data_dir}/lake"}
    shop.settings = shop.settings.model_copy(update=place)
    lake = Lake.of(shop.settings)
    assert lake
    lake.check()
    shop.importer = Importer(shop.settings, shop.sessions, shop.redis)
    for name, content in (("mail", BY_EMAIL), ("both", BOTH), ("people", CUSTOMERS)):
        row = await shop.load(f"{name}.csv", content)
        await lake.keep_up(shop.sessions)
        await lakes.check(shop)
    await undone(shop, row)
    await lake.keep_up(shop.sessions)
    await lakes.check(shop)


async def test_who_is_excluded_under_either_name_stays_so(shop: Shop) -> None:
    await shop.load("mail.csv", BY_EMAIL)
    async with shop.sessions() as session, session.begin():
        await set_excluded(session, "anna@ex.test", "local", excluded=True)
    row = await shop.load("customers.csv", CUSTOMERS)
    assert await excluded(shop) == ["912", "anna@ex.test"]
    async with shop.sessions() as session, session.begin():
        await set_excluded(session, "anna@ex.test", "local", excluded=False)
    assert await excluded(shop) == []
    async with shop.sessions() as session, session.begin():
        await set_excluded(session, "912", "local", excluded=True)
    await undone(shop, row)
    assert "anna@ex.test" in await excluded(shop)


async def excluded(shop: Shop) -> list[str]:
    async with shop.sessions() as session:
        found = await run_sql(
            session, "SELECT customer_id FROM customers WHERE excluded_at IS NOT NULL ORDER BY 1"
        )
        return list(found.scalars())


@pytest.mark.parametrize("name", ["912", "Anna@ex.test"])
@pytest.mark.parametrize("says_both", [CUSTOMERS, BOTH])
async def test_who_is_erased_under_either_name_is_gone_under_both(
    shop: Shop, name: str, says_both: str
) -> None:
    await shop.load("mail.csv", BY_EMAIL)
    await shop.load("both.csv", says_both)
    await shop.load("number.csv", BY_NUMBER)
    await erase_now(shop.sessions, shop.settings, name, "local")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    assert await owners(shop) == {"A2": "bo@ex.test"}
    for number, content in enumerate((BY_EMAIL, BY_NUMBER, says_both)):
        await shop.load(f"again{number}.csv", content.replace("2026-0", "2025-0"))
    assert await owners(shop) == {"A2": "bo@ex.test"}
    assert not {"912", "anna@ex.test"} & set(await rows_of(shop))


async def test_an_address_in_an_unread_column_never_costs_a_row(shop: Shop) -> None:
    text = BOTH + "B2,914,none,2026-03-02,50\nB3,915,,2026-03-02,50\nB4,9," + "x" * 400 + "@y,"
    row = await shop.load("both.csv", text + "2026-03-02,50\n")
    assert (row.state, row.rows_new) == (ImportState.LOADED, 4)
    assert await people(shop) == ["9", "912", "914", "915"]


async def test_a_corrected_status_leaves_who_is_one(shop: Shop) -> None:
    await shop.load("customers.csv", CUSTOMERS)
    text = "Order,Email,Date,Total,Status\nA1,anna@ex.test,2026-01-02,1,paid\n"
    row = await shop.load("mail.csv", text)
    await corrected(shop, row, {"status.paid": "cancelled"})
    assert (await shop.statuses())["A1"][0] == "cancelled"
    assert await owners(shop) == {"A1": "912"}
