"""Undoing an import: the tables are as if its file had never come."""

import asyncio

import pytest

from ingest.keeping.erasing import Eraser
from ingest.keeping.undoing import Undoer
from ingest.lake.sync import Lake
from rfm_common.db import run_sql
from rfm_common.decisions import decide
from rfm_common.erasure import request_erasure
from rfm_common.errors import ConflictError
from rfm_common.models import Import, ImportState, Undo
from rfm_common.undo import ask_undo, look_ahead
from tests.integration.ingest import lakes
from tests.integration.ingest.dropping import CUSTOMERS_HEADER, ORDERS_HEADER, Shop, running


def orders(*rows: str) -> str:
    """`O1 C1 5`: order, customer, amount."""
    cells = (row.split() for row in rows)
    return ORDERS_HEADER + "".join(f"{o},{c},2024-01-10,{a},EUR,completed\n" for o, c, a in cells)


async def undone(shop: Shop, row: Import, how: Undo = Undo.ASKED) -> Import:
    """The import after somebody asked to undo it and ingest has looked."""
    async with shop.sessions() as session, session.begin():
        await ask_undo(session, row.import_id, "local", how)
    await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()
    return next(one for one in await shop.ledger() if one.import_id == row.import_id)


async def amounts(shop: Shop) -> dict[str, str]:
    return {str(row[0]): f"{row[3]:.0f}" for row in (await shop.tables())["orders"]}


async def ids(shop: Shop) -> list[str]:
    return [str(row[0]) for row in (await shop.tables())["customers"]]


async def version(shop: Shop) -> int:
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT data_version FROM data_state")
        return int(found.scalar_one())


async def test_orders_that_an_import_brought_go_with_their_customers(shop: Shop) -> None:
    await shop.load("a.csv", orders("O1 C1 5", "O2 C2 6"))
    before = await shop.tables()
    row = await shop.load("b.csv", orders("O3 C2 7", "O4 C3 8"))
    async with shop.sessions() as session:
        ahead = await look_ahead(session, row.import_id)
    assert (ahead.rows, ahead.files, ahead.missing) == (2, 0, [])

    row = await undone(shop, row)
    assert (row.state, row.undo) == (ImportState.UNDONE, None)
    assert row.message == "Undone: 1 customer removed; 2 orders removed."
    assert await shop.tables() == before
    assert await version(shop) == 3
    assert (shop.settings.data_dir / str(row.stored_path)).is_file()
    async with shop.sessions() as session:
        told = await run_sql(session, "SELECT count(*) FROM outbox WHERE type = 'data.changed'")
        assert told.scalar() == 1
    with pytest.raises(ConflictError):
        await undone(shop, row)


async def test_overwritten_orders_get_the_value_of_the_import_before(shop: Shop) -> None:
    first = await shop.load("a.csv", orders("O1 C1 5", "O2 C1 6", "O3 C1 7"))
    row = await shop.load("b.csv", orders("O1 C1 50", "O2 C9 60", "O4 C1 80"))
    await undone(shop, row)
    assert await amounts(shop) == {"O1": "5", "O2": "6", "O3": "7"}
    assert await ids(shop) == ["C1"]
    async with shop.sessions() as session:
        owners = await run_sql(session, "SELECT DISTINCT import_id FROM orders")
        assert owners.scalars().all() == [first.import_id]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_undone_in_either_order_leave_the_first(
    shop: Shop, order: tuple[int, int]
) -> None:
    await shop.load("a.csv", orders("O1 C1 5", "O2 C2 6"))
    before = await shop.tables()
    rows = [
        await shop.load("b.csv", orders("O1 C1 50", "O3 C3 1")),
        await shop.load("c.csv", orders("O1 C1 500", "O3 C3 1", "O4 C4 1")),
    ]
    for number in order:
        await undone(shop, rows[number])
    assert await shop.tables() == before


async def test_what_a_later_file_says_as_well_stays(shop: Shop) -> None:
    """That file left the order as it was, so the ledger has it from the one that is undone."""
    row = await shop.load("a.csv", orders("O1 C1 5", "O2 C2 6"))
    later = await shop.load("b.csv", orders("O1 C1 5"))
    assert (later.rows_unchanged, later.data_version) == (1, None)
    await undone(shop, row)
    assert await amounts(shop) == {"O1": "5"}
    assert await ids(shop) == ["C1"]
    await undone(shop, later)
    assert await shop.tables() == {"customers": [], "orders": [], "exchange_rates": []}


async def test_the_same_bytes_load_again_after_an_undo(shop: Shop) -> None:
    await shop.load("a.csv", orders("O1 C1 5"))
    text = orders("O1 C1 50", "O2 C2 6")
    row = await shop.load("b.csv", text)
    loaded = await shop.tables()
    await undone(shop, row)
    again = await shop.load("b.csv", text)
    assert (again.state, again.rows_new, again.rows_updated) == ("loaded", 1, 1)
    assert await shop.tables() == loaded
    assert (await shop.load("c.csv", text)).duplicate_of == again.import_id


async def test_customers_get_what_other_files_say_and_stay_while_they_have_orders(
    shop: Shop,
) -> None:
    await shop.load("a.csv", "customer_id,country\nC1,DE\nC2,FR\n")
    await shop.load("o.csv", orders("O1 C1 5", "O3 C3 5"))
    before = await shop.tables()
    text = "C1,a@x.de,AT,2023-01-01\nC3,c@x.de,IT,2023-01-01\nC4,d@x.de,ES,2023-01-01\n"
    row = await shop.load("b.csv", CUSTOMERS_HEADER + text)
    row = await undone(shop, row)
    assert await shop.tables() == before
    assert row.message == "Undone: 2 customers as in other files; 1 customer removed."


async def test_customers_of_a_file_that_only_names_them_stay(shop: Shop) -> None:
    row = await shop.load("o.csv", orders("O1 C1 5", "O2 C2 6"))
    await shop.load("a.csv", "customer_id,email\nC1,\n")
    await undone(shop, row)
    assert await ids(shop) == ["C1"]


async def test_exchange_rates_go_back(shop: Shop) -> None:
    await shop.load("exchange_rates.csv", "currency,rate\nUSD,0.9\n")
    before = await shop.tables()
    row = await shop.load("exchange_rates.csv", "currency,rate\nUSD,0.8\nGBP,1.2\n")
    await undone(shop, row)
    assert await shop.tables() == before


LINES = "order_id,line_item,customer_id,order_date,quantity,unit_price\n"


async def test_order_lines_are_added_up_as_they_were(shop: Shop) -> None:
    answer = {"order_lines": "sum"}
    lines = LINES + "O1,1,C1,2024-01-10,2,5\nO1,2,C1,2024-01-10,1,3\nO2,1,C2,2024-01-10,1,4\n"
    first = await settle(shop, await shop.load("a.csv", lines), answer)
    before = await shop.tables()
    assert await amounts(shop) == {"O1": "13", "O2": "4"}
    row = await shop.load("b.csv", LINES + "O1,1,C1,2024-01-10,2,5\nO3,1,C1,2024-01-10,1,1\n")
    row = await settle(shop, row, answer)
    listed = await shop.rejects(first)
    await undone(shop, row)
    assert await shop.tables() == before
    assert await shop.rejects(first) == listed


async def settle(shop: Shop, row: Import, answers: dict[str, str]) -> Import:
    """Answer a file, if it asks."""
    if row.state is ImportState.NEEDS_DECISION:
        async with shop.sessions() as session, session.begin():
            await decide(session, row.import_id, answers, "local", remember=False)
        for item in await shop.importer.decided():
            await shop.importer.bring_in(item)
    [row] = [one for one in await shop.ledger() if one.import_id == row.import_id]
    assert row.state in {"loaded", "loaded_with_rejects"}
    return row


async def test_a_file_is_read_as_somebody_decided_for_it(shop: Shop) -> None:
    head = "order_id,customer_id,order_date,order_amount\n"
    first = await shop.load("a.csv", head + "O1,C1,03/04/2024,5\n")
    await settle(shop, first, {"date_order": "mdy"})
    before = await shop.tables()
    row = await shop.load("b.csv", orders("O1 C1 50"))
    await undone(shop, row)
    assert await shop.tables() == before


async def test_rows_that_a_file_repeats_or_lacks_are_not_listed_twice(shop: Shop) -> None:
    bad = "O8,C1,2024-02-30,1,EUR,completed\n"
    first = await shop.load("a.csv", orders("O1 C1 5", "O1 C1 6", *["O2 C1 1"] * 12) + bad)
    listed = [(one.line, one.reason) for one in await shop.rejects(first)]
    row = await shop.load("b.csv", orders("O1 C1 50"))
    await undone(shop, row)
    assert await amounts(shop) == {"O1": "6", "O2": "1"}
    assert [(one.line, one.reason) for one in await shop.rejects(first)] == listed


async def lose(shop: Shop, row: Import) -> None:
    """What retention does."""
    (shop.settings.data_dir / str(row.stored_path)).unlink()
    async with shop.sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET stored_path = NULL WHERE import_id = :id",
                      id=row.import_id)  # fmt: skip


async def test_without_the_earlier_file_nothing_changes_unless_forced(shop: Shop) -> None:
    first = await shop.load("a.csv", orders("O1 C1 5", "O2 C1 6"))
    row = await shop.load("b.csv", orders("O1 C1 50", "O3 C3 7"))
    await lose(shop, first)
    before = await shop.tables()
    async with shop.sessions() as session:
        assert (await look_ahead(session, row.import_id)).missing == ["import 1 (a.csv)"]

    row = await undone(shop, row)
    assert (row.state, row.undo) == (ImportState.LOADED, None)
    assert row.message == (
        "Not undone: up to 1 orders may be in import 1 (a.csv) as well, and its file is gone. With"
        " force they get what a still earlier file says, or go where there is none."
    )
    assert (await shop.tables(), await version(shop)) == (before, 2)

    row = await undone(shop, row, Undo.FORCED)
    assert row.state is ImportState.UNDONE
    assert await amounts(shop) == {"O2": "6"}


async def test_a_file_that_is_gone_and_not_needed_is_no_hindrance(shop: Shop) -> None:
    first = await shop.load("a.csv", orders("O1 C1 5"))
    await shop.load("b.csv", orders("O1 C1 50"))
    row = await shop.load("c.csv", orders("O1 C1 500"))
    await lose(shop, first)
    await undone(shop, row)
    assert await amounts(shop) == {"O1": "50"}
    row = await undone(shop, await shop.load("d.csv", orders("O9 C9 5")))
    assert row.state is ImportState.UNDONE


async def test_a_file_that_would_be_read_in_another_way_today_is_not_guessed(shop: Shop) -> None:
    await shop.load("a.csv", orders("O1 C1 5"))
    row = await shop.load("b.csv", orders("O1 C1 50"))
    rule = '[[file]]\nkind = "customers"\n[file.columns]\norder_id = "customer_id"\n'
    (shop.settings.input_dir / "mapping.toml").write_text(rule)
    row = await undone(shop, row)
    assert row.state is ImportState.LOADED
    assert "Not undone" in str(row.message)


async def test_erased_people_do_not_come_back(shop: Shop) -> None:
    await shop.load("a.csv", orders("O1 C1 5", "O2 C2 6"))
    row = await shop.load("b.csv", orders("O1 C3 50", "O2 C2 60"))
    async with shop.sessions() as session, session.begin():
        await request_erasure(session, shop.settings, "C1", "local")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    await undone(shop, row)
    assert await amounts(shop) == {"O2": "6"}
    assert await ids(shop) == ["C2"]


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_the_lake_says_what_the_table_says(shop: Shop, number: int) -> None:
    place = {"lake": f"file://{shop.settings.data_dir}/lake"}
    shop = Shop(shop.settings.model_copy(update=place), shop.sessions, shop.redis)
    lake = Lake.of(shop.settings)
    assert lake
    lake.check()
    rows = [
        await shop.load("a.csv", orders("O1 C1 5", "O2 C2 6")),
        await shop.load("b.csv", orders("O1 C1 50", "O3 C3 1", "O2 C2 6")),
        await shop.load("c.csv", orders("O1 C1 500", "O3 C3 1", "O4 C4 1")),
    ]
    for row in rows[number:] + rows[:number]:
        await undone(shop, row)
        await lake.keep_up(shop.sessions)
        await lakes.check(shop)
    assert (await shop.tables())["orders"] == []


async def test_the_service_notices_an_undo(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 C1 5"))
    async with running(shop.settings, shop.sessions, shop.redis):
        async with shop.sessions() as session, session.begin():
            await ask_undo(session, row.import_id, "local", Undo.ASKED)
        async with asyncio.timeout(60):
            while (await shop.ledger())[0].state is not ImportState.UNDONE:
                await asyncio.sleep(0.02)


async def looked(shop: Shop) -> None:
    for item in await shop.importer.decided():
        await shop.importer.bring_in(item)


AMBIGUOUS = "order_id,customer_id,order_date,order_amount\nO1,C1,03/04/2024,5\nO2,C2,05/04/2024,7\n"


async def days(shop: Shop) -> list[str]:
    return sorted(f"{row[2]:%Y-%m-%d}" for row in (await shop.tables())["orders"])


async def test_a_file_is_read_again_in_another_way(shop: Shop) -> None:
    """Though a profile would answer for it."""
    row = await shop.load("a.csv", AMBIGUOUS)
    async with shop.sessions() as session, session.begin():
        await decide(session, row.import_id, {"date_order": "mdy"}, "local", remember=True)
    await looked(shop)
    assert await days(shop) == ["2024-03-04", "2024-05-04"]

    row = await undone(shop, row, Undo.READ_AGAIN)
    assert (row.state, row.stored_path) == ("reading", f"held/{row.import_id}-a.csv")
    assert (await shop.tables())["orders"] == []
    await looked(shop)
    [row] = await shop.ledger()
    assert (row.state, row.questions[0]["about"]) == ("needs_decision", "date_order")
    assert row.preview["ways"]
    row = await settle(shop, row, {"date_order": "dmy"})
    assert (row.undo, row.answers) == (None, {"date_order": "dmy"})
    assert (row.rows_new, row.stored_path) == (2, f"archive/{row.import_id}-a.csv")
    assert await days(shop) == ["2024-04-03", "2024-04-05"]
    assert not list(shop.settings.held_dir.iterdir())


async def test_a_file_that_is_to_be_read_again_and_is_gone_is_told(shop: Shop) -> None:
    row = await shop.load("a.csv", AMBIGUOUS)
    row = await settle(shop, row, {"date_order": "mdy"})
    (shop.settings.data_dir / str(row.stored_path)).unlink()
    row = await undone(shop, row, Undo.READ_AGAIN)
    assert (row.state, row.reason, row.undo) == ("quarantined", "vanished", None)


async def test_what_asked_nothing_cannot_be_read_again(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 C1 5"))
    with pytest.raises(ConflictError):
        await undone(shop, row, Undo.READ_AGAIN)
