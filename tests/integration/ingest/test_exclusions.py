"""An exclusion belongs to an id: no file and no undo ends it."""

from ingest.importer import Importer
from rfm_common.exclusion import set_excluded
from tests.integration.ingest.dropping import CUSTOMERS_HEADER, Shop
from tests.integration.ingest.test_joining import excluded
from tests.integration.ingest.test_undo import ids, orders, undone


async def switch(shop: Shop, customer_id: str, *, to: bool) -> None:
    async with shop.sessions() as session, session.begin():
        await set_excluded(session, customer_id, "local", excluded=to)


async def test_it_survives_the_undo_of_the_import_that_brought_the_customer(shop: Shop) -> None:
    text = orders("O1 C1 5", "O2 C2 6")
    row = await shop.load("a.csv", text)
    await switch(shop, "C1", to=True)
    row = await undone(shop, row)
    assert (
        row.message == "Undone: 1 customer kept because excluded; 1 customer removed;"
        " 2 orders removed."
    )
    assert await ids(shop) == await excluded(shop) == ["C1"]
    await shop.load("a.csv", text)
    assert await excluded(shop) == ["C1"]


async def test_it_survives_the_undo_of_a_file_of_customers(shop: Shop) -> None:
    row = await shop.load("c.csv", CUSTOMERS_HEADER + "C1,a@x.de,DE,2023-01-01\n")
    await switch(shop, "C1", to=True)
    await undone(shop, row)
    assert (await shop.tables())["customers"] == [("C1", None, None, None)]
    assert await excluded(shop) == ["C1"]


async def test_whom_no_file_names_goes_when_included(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 C1 5"))
    await switch(shop, "C1", to=True)
    await undone(shop, row)
    await switch(shop, "C1", to=False)
    assert await ids(shop) == []


async def test_it_survives_a_load_that_rebuilds_the_table(shop: Shop) -> None:
    await shop.load("c.csv", CUSTOMERS_HEADER + "C1,,DE,\nC2,,FR,\n")
    for one in ("C1", "C2"):
        await switch(shop, one, to=True)
    settings = shop.settings.model_copy(update={"rebuild_rows": 1})
    shop.importer = Importer(settings, shop.sessions, shop.redis)
    rows = "".join(f"N{number},,DE,\n" for number in range(9))
    await shop.load("d.csv", CUSTOMERS_HEADER + "C1,,AT,\n" + rows)
    assert await excluded(shop) == ["C1", "C2"]
