"""What a loaded file leaves in the tables and in the ledger; every row is accounted for."""

import asyncio
import random
from decimal import Decimal

import pytest
from alembic import command

from ingest.folder import Dropped
from ingest.importer import Importer
from rfm_common.bus import read
from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.identity import same_id
from rfm_common.models import Import, ImportState
from rfm_common.schema import alembic_config
from tests.integration.ingest.dropping import CUSTOMERS_HEADER, ORDERS_HEADER, Shop, drop
from tests.running import eventually

Row = tuple[int, int, int, int, int, int]


def counts(row: Import) -> Row:
    """total = new + updated + unchanged + superseded + rejected"""
    return (row.rows_total, row.rows_new, row.rows_updated, row.rows_unchanged,
            row.rows_superseded, row.rows_rejected)  # fmt: skip


def order(number: int, customer: str = "C1", amount: str = "10.00", day: int = 1) -> str:
    return f"O{number:05},{customer},2024-01-{day:02},{amount},EUR,completed\n"


async def test_the_same_bytes_load_once_ever(shop: Shop) -> None:
    first = await shop.load("orders.csv", ORDERS_HEADER + order(1))
    again = await shop.load("other-name.csv", ORDERS_HEADER + order(1))
    corrected = await shop.load("orders.csv", ORDERS_HEADER + order(1, amount="11"))
    assert (first.state, again.state, corrected.state) == ("loaded", "duplicate", "loaded")
    assert again.duplicate_of == first.import_id
    assert counts(corrected) == (1, 0, 1, 0, 0, 0)
    assert (first.data_version, again.data_version, corrected.data_version) == (1, None, 2)


async def test_a_load_that_changes_nothing_asks_for_no_new_scores(shop: Shop) -> None:
    await shop.load("orders.csv", ORDERS_HEADER + order(1))
    row = await shop.load("orders.csv", ORDERS_HEADER + order(1) + "\n")
    assert (row.state, row.data_version) == ("loaded", None)
    assert counts(row) == (1, 0, 0, 1, 0, 0)


async def test_every_row_is_new_updated_unchanged_superseded_or_rejected(shop: Shop) -> None:
    await shop.load("a.csv", ORDERS_HEADER + order(1) + order(2) + order(3))
    row = await shop.load(
        "b.csv",
        ORDERS_HEADER + order(1) + order(2, amount="5") + order(4) + order(4, amount="7")
        + order(5) + order(5) + order(6, amount="x") + "".join(order(n) for n in range(10, 20)),
    )  # fmt: skip
    assert row.state == ImportState.LOADED_WITH_REJECTS
    assert counts(row) == (17, 12, 1, 1, 2, 1)
    listed = [(item.line, item.outcome, item.column_name, item.value, item.reason)
              for item in await shop.rejects(row)]  # fmt: skip
    assert listed == [
        (4 + 0, "superseded", "order_id", "O00004", "repeated_id"),
        (6, "duplicate", "order_id", "O00005", "repeated_row"),
        (8, "rejected", "order_amount", "x", "amount_not_a_number"),
    ]
    amounts = {line[0]: line[3] for line in (await shop.tables())["orders"]}
    assert (amounts["O00002"], amounts["O00004"]) == (Decimal(5), Decimal(7))


async def test_an_order_names_the_import_and_the_line_that_it_came_from(shop: Shop) -> None:
    first = await shop.load("a.csv", ORDERS_HEADER + order(1) + order(2))
    second = await shop.load("b.csv", ORDERS_HEADER + order(2) + order(1, amount="3"))
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT order_id, import_id, import_line FROM orders")
        assert set(found.all()) == {
            ("O00001", second.import_id, 3), ("O00002", first.import_id, 3)}  # fmt: skip


async def test_orders_may_come_before_their_customers(shop: Shop) -> None:
    row = await shop.load("orders.csv", ORDERS_HEADER + order(1, "C7"))
    assert row.effects["new_customers"] == 1
    await shop.load("customers.csv", CUSTOMERS_HEADER + "C7,c7@example.com,DE,2023-01-15\n")
    [customer] = (await shop.tables())["customers"]
    assert customer[:3] == ("C7", "c7@example.com", "DE")


async def test_a_column_that_a_file_does_not_have_stays_as_it_is(shop: Shop) -> None:
    await shop.load("a.csv", CUSTOMERS_HEADER + "C1,a@example.com,DE,2023-01-15\n")
    row = await shop.load("b.csv", "customer_id,email\nC1,b@example.com\n")
    assert counts(row) == (1, 0, 1, 0, 0, 0)
    [customer] = (await shop.tables())["customers"]
    assert customer[:3] == ("C1", "b@example.com", "DE")


async def test_a_customer_is_loaded_without_a_date_that_cannot_be_read(shop: Shop) -> None:
    row = await shop.load("c.csv", f"{CUSTOMERS_HEADER}C1,,DE,2024-01-10\nC2,,FR,3-Janner-24\n")
    assert (row.state, row.rows_new, row.rows_rejected) == (ImportState.LOADED, 2, 0)
    assert [item["about"] for item in row.notes["told"]] == ["column.created_at"]
    assert "1, such as '3-Janner-24' in line 3" in row.notes["told"][0]["text"]


async def test_exchange_rates_without_a_day_hold_from_the_beginning(shop: Shop) -> None:
    row = await shop.load("rates.csv", "currency,rate\nusd,0.92\nGBP,1.17\n")
    assert counts(row) == (2, 2, 0, 0, 0, 0)
    [gbp, usd] = (await shop.tables())["exchange_rates"]
    assert (str(gbp[1]), usd[0], usd[2]) == ("0001-01-01", "USD", Decimal("0.92"))


async def test_a_file_without_a_good_row_is_quarantined_with_each_of_them_listed(
    shop: Shop,
) -> None:
    """With good rows beside them it is held: `test_decisions`."""
    bad = [order(n, amount="=1+1") for n in range(3)]
    row = await shop.load("bad.csv", ORDERS_HEADER + "".join(bad))
    assert (row.state, row.reason) == ("quarantined", "too_many_rejects")
    assert row.message == "3 of 3 rows have a problem, more than 10%"
    assert [item.line for item in await shop.rejects(row)] == [2, 3, 4]
    assert (await shop.tables())["orders"] == []
    place = shop.settings.data_dir / str(row.stored_path)
    assert place.parent == shop.settings.quarantine_dir
    listed = place.with_name(f"{place.name}.rejects.csv").read_text()
    assert listed.count("amount_not_a_number") == 3
    assert listed.count(",'=1+1,") == 3  # else a spreadsheet would run it


async def test_an_id_that_stands_out_and_new_currencies_are_effects(shop: Shop) -> None:
    guests = "".join(order(n, "TILL-1") for n in range(15)) + "".join(
        order(n, f"C{n}") for n in range(15, 30)
    )
    row = await shop.load("a.csv", ORDERS_HEADER + guests)
    assert row.effects == {
        "new_customers": 16, "customers_touched": 16, "new_currencies": [],
        "dominant_customer": {"customer_id": "TILL-1", "share": 0.5},
        "orders_new": 30, "orders_updated": 0,
    }  # fmt: skip
    second = await shop.load("b.csv", ORDERS_HEADER + order(99).replace("EUR", "USD"))
    assert second.effects["new_currencies"] == ["USD"]


async def test_lines_of_one_order_are_added_up_where_the_export_has_lines(shop: Shop) -> None:
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    lines = [
        "536365,85123A,LAMP,6,12/1/2010 8:26,2.55,17850,United Kingdom\n",
        "536365,71053,LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom\n",
        "536366,22633,WARMER,2,12/13/2010 8:28,1.85,,United Kingdom\n",
        "C536379,D,Discount,-1,12/1/2010 9:41,27.50,14527,United Kingdom\n",
    ]
    row = await shop.load("retail.csv", header + "".join(lines))
    assert counts(row) == (4, 3, 0, 0, 0, 1)
    assert row.effects["orders_new"] == 2
    assert row.notes["mapping"] == "UCI Online Retail"
    assert [(item.line, item.reason) for item in await shop.rejects(row)] == [(4, "no_customer")]
    amounts = {line[0]: (line[3], line[4]) for line in (await shop.tables())["orders"]}
    assert amounts == {"536365": (Decimal("35.64"), "GBP"), "C536379": (Decimal("-27.5"), "GBP")}


async def test_a_shopify_order_takes_its_total_from_its_first_line(shop: Shop) -> None:
    header = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem name\n"
    rows = "#1001,a@example.com,paid,USD,30.00,2024-01-10 14:35:20 -0500,Hat\n#1001,,,,,,Scarf\n"
    row = await shop.load("shopify.csv", header + rows)
    assert counts(row) == (2, 2, 0, 0, 0, 0)
    [found] = (await shop.tables())["orders"]
    assert found[:2] == ("#1001", "a@example.com")
    assert found[3:] == (Decimal(30), "USD", "completed")
    assert await shop.statuses() == {"#1001": ("completed", "paid")}


async def test_mapping_toml_names_columns_constants_and_a_product(shop: Shop) -> None:
    (shop.settings.input_dir / "mapping.toml").write_text("""
        [[file]]
        name = "till-*.csv"
        kind = "orders"
        constants = {currency = "CHF"}
        [file.columns]
        order_id = "Bon"
        customer_id = "Karte"
        order_date = "Tag"
        order_amount = "Menge * Preis"
    """)
    row = await shop.load("till-1.csv", "Bon;Karte;Tag;Menge;Preis\n1;K1;10.01.2024;3;2,50\n")
    assert (row.state, row.notes["mapping"]) == ("loaded", "mapping.toml")
    [found] = (await shop.tables())["orders"]
    assert (found[3], found[4]) == (Decimal("7.5"), "CHF")


NAUGHTY = ["𝒳😀", "שלום", "مرحبا", 'a"b', "a,b", "line\nbreak", "=1+1", "+A1", "-x", "@SUM(1)",
           "<script>alert(1)</script>", "\\N", "\\.", '"NULL"', "'; DROP TABLE orders; --", "%s",
           "\u200b",
           "tab\tinside", "O\u0301"]  # fmt: skip


async def test_naughty_text_round_trips_exactly(shop: Shop) -> None:
    listed = shop.settings.model_copy(update={"counted_statuses": frozenset({"completed"})})
    shop = Shop(listed, shop.sessions, shop.redis)  # a status that nobody knows is no question

    def quoted(*cells: str) -> str:
        return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n"

    people = "".join(quoted(text, text, text, "") for text in NAUGHTY)
    sold = "".join(quoted(text, text, "2024-01-10", "1.5", "EUR", text) for text in NAUGHTY)
    assert (await shop.load("customers.csv", CUSTOMERS_HEADER + people)).state == "loaded"
    assert (await shop.load("orders.csv", ORDERS_HEADER + sold)).state == "loaded"
    tables = await shop.tables()
    ids = {text: same_id(text) for text in NAUGHTY}
    assert {row[:3] for row in tables["customers"]} == {(ids[one], one, one) for one in NAUGHTY}
    assert {row[:2] for row in tables["orders"]} == {(ids[one], ids[one]) for one in NAUGHTY}
    words = {order: word or status for order, (status, word) in (await shop.statuses()).items()}
    assert words == {ids[one]: one.lower() for one in NAUGHTY}


CATALOG = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
           a.attnum, coll.collname, pg_get_expr(d.adbin, d.adrelid) AS fallback
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    LEFT JOIN pg_collation coll ON coll.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')
    UNION ALL
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated, 0,
           contype::text, NULL
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid),
           indisunique, 0, indisprimary::text, NULL
    FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT relname, 'persistence', relpersistence::text, true, 0, NULL, NULL FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


async def catalog(shop: Shop) -> set[tuple[object, ...]]:
    async with shop.sessions() as session:
        return {tuple(row) for row in await run_sql(session, CATALOG)}


async def test_a_rebuilt_table_is_the_migrations_table(shop: Shop) -> None:
    before = await catalog(shop)
    rebuilding = Shop(
        shop.settings.model_copy(update={"rebuild_rows": 1}), shop.sessions, shop.redis
    )
    people = CUSTOMERS_HEADER + "".join(f"C{n},,,\n" for n in range(50))
    sold = ORDERS_HEADER + "".join(order(n, f"C{n}") for n in range(60))
    for name, content in (("customers.csv", people), ("orders.csv", sold)):
        row = await rebuilding.load(name, content)
        assert row.state == "loaded"
        assert "swap" in row.notes["seconds"]
    assert await catalog(shop) == before
    await asyncio.to_thread(command.check, alembic_config(shop.settings))
    assert len((await shop.tables())["customers"]) == 60


ORIGIN = """
    SELECT order_id, file_name, import_line FROM orders JOIN imports USING (import_id) ORDER BY 1
"""


@pytest.mark.parametrize("seed", range(3))
async def test_a_rebuild_and_a_merge_have_the_same_outcome(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    first = ORDERS_HEADER + "".join(order(n, f"C{n % 5}") for n in range(8))
    lines = [
        order(chance.randrange(40), f"C{chance.randrange(9)}", chance.choice("12x"))
        for _ in range(70)
    ]
    second = ORDERS_HEADER + "".join(lines)
    outcomes = []
    for rows in (1, 10**9):
        await shop.clear()
        changes = {"rebuild_rows": rows, "max_reject_share": 1}
        other = Shop(shop.settings.model_copy(update=changes), shop.sessions, shop.redis)
        await other.load("first.csv", first)
        row = await other.load("second.csv", second)
        assert ("swap" in row.notes["seconds"]) == (rows == 1)
        listed = [(item.line, item.outcome, item.reason) for item in await other.rejects(row)]
        async with shop.sessions() as session:
            origin = await run_sql(session, ORIGIN)
            outcomes.append((counts(row), listed, await other.tables(), origin.all()))
    assert outcomes[0] == outcomes[1]


async def test_a_table_with_the_users_own_view_is_merged_into_not_replaced(shop: Shop) -> None:
    async with shop.sessions() as session, session.begin():
        await run_sql(session, "CREATE VIEW report AS SELECT * FROM orders")
    rebuilding = Shop(
        shop.settings.model_copy(update={"rebuild_rows": 1}), shop.sessions, shop.redis
    )
    row = await rebuilding.load("orders.csv", ORDERS_HEADER + order(1))
    assert "merge" in row.notes["seconds"]


async def test_readers_go_on_while_a_rebuild_waits_for_one_of_them(shop: Shop) -> None:
    rebuilding = Shop(
        shop.settings.model_copy(update={"rebuild_rows": 1}), shop.sessions, shop.redis
    )
    async with shop.sessions() as slow, slow.begin():
        await run_sql(slow, "SELECT count(*) FROM orders")
        loading = asyncio.create_task(rebuilding.load("orders.csv", ORDERS_HEADER + order(1)))
        for _ in range(10):
            async with shop.sessions() as other:
                await run_sql(other, "SET statement_timeout = '5s'")
                assert (await run_sql(other, "SELECT count(*) FROM orders")).scalar() == 0
            await asyncio.sleep(0.05)
        assert not loading.done()
    assert (await loading).state == "loaded"


@pytest.mark.parametrize("leasts", [(1, 1), (1, 10**9), (10**9, 1)])
async def test_a_rebuild_beside_another_load_waits_for_nobody_who_waits_for_it(
    shop: Shop, leasts: tuple[int, int]
) -> None:
    """Both have read their files when the first of them may go on to the table."""
    loads = []
    async with shop.sessions() as session, session.begin():
        await lock(session, AdvisoryLock.LOAD)
        for number, least in enumerate(leasts):
            settings = shop.settings.model_copy(update={"rebuild_rows": least})
            importer = Importer(settings, shop.sessions, shop.redis)
            path = drop(settings, f"{number}.csv", ORDERS_HEADER + order(number))
            loads.append(asyncio.create_task(importer.bring_in(Dropped(path, path.lstat()))))
            await eventually(lambda: _waiting(shop, len(loads)), 20, "the load waits")
        await asyncio.sleep(1.5)  # PostgreSQL looks for a circle once, after a second
    async with asyncio.timeout(30):
        await asyncio.gather(*loads)
    assert [row.state for row in await shop.ledger()] == ["loaded", "loaded"]
    assert len((await shop.tables())["orders"]) == 2


async def _waiting(shop: Shop, count: int) -> bool:
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
                              " AND NOT granted")  # fmt: skip
        return len(found.all()) == count


async def test_two_processes_on_one_folder_load_each_file_once(shop: Shop) -> None:
    other = Importer(shop.settings, shop.sessions, shop.redis)
    files = []
    for number in range(12):
        path = drop(shop.settings, f"{number}.csv", ORDERS_HEADER + order(number // 2))
        files.append(Dropped(path, path.lstat()))

    async def work(importer: Importer, items: list[Dropped]) -> None:
        for item in items:
            try:
                await importer.bring_in(item)
            except FileNotFoundError:
                continue  # the other one was faster

    await asyncio.gather(work(shop.importer, files), work(other, files[::-1]))
    rows = await shop.ledger()
    assert len(rows) == 12
    assert sorted(row.state for row in rows) == ["duplicate"] * 6 + ["loaded"] * 6
    assert list(shop.settings.input_dir.glob("*")) == []
    assert len(list(shop.settings.archive_dir.glob("*"))) == 12


async def test_events_carry_names_and_counts_only(shop: Shop) -> None:
    await shop.load("customers.csv", CUSTOMERS_HEADER + "C1,secret@example.com,DE,\n")
    text = repr(await read(shop.redis, "0-0"))
    assert "customers.csv" in text
    assert "secret@example.com" not in text


async def test_lines_of_an_order_add_up_in_a_file_without_a_currency(shop: Shop) -> None:
    """Recognised by their amounts, which differ under one order id."""
    lines = "".join(f"L{n},C{n},2024-01-0{n},item {part},{part}.50\n" for n in (1, 2, 3)
                    for part in (1, 2))  # fmt: skip
    row = await shop.load("lines.csv", "order_id,customer_id,order_date,item,line_total\n" + lines)
    assert (row.state, row.message) == (ImportState.LOADED, None)
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT order_amount, currency, status FROM orders")
        assert [tuple(one) for one in found.all()] == [(Decimal(4), "", "completed")] * 3


async def test_a_line_of_totals_does_not_make_a_file_a_partial_one(shop: Shop) -> None:
    row = await shop.load("orders.csv", ORDERS_HEADER + "1,C1,2024-01-10,5,EUR,paid\nTotal,,,5,,\n")
    assert (row.state, row.rows_total, row.rows_new, row.rows_rejected) == ("loaded", 2, 1, 1)
