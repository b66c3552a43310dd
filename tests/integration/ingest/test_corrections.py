"""Changing what a status means in a file that is loaded: it is read again, in its place."""

import asyncio

import pytest

from ingest.keeping.erasing import Eraser
from ingest.keeping.undoing import Undoer
from ingest.lake.sync import Lake
from rfm_common.corrections import ask_correction
from rfm_common.db import run_sql
from rfm_common.erasure import request_erasure
from rfm_common.errors import ConflictError, InvalidInputError
from rfm_common.models import Import, Undo
from rfm_common.undo import ask_undo
from tests.integration.ingest import lakes
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop, running
from tests.integration.ingest.test_decisions import decided
from tests.integration.ingest.test_undo import AMBIGUOUS, lose, undone, version


def orders(*rows: str) -> str:
    """`O1 5 paid`: order, amount, status."""
    cells = (row.split(maxsplit=2) for row in rows)
    lines = (f"{o},C{o[1:]},2024-01-10,{a},EUR,{' '.join(s)}\n" for o, a, *s in cells)
    return ORDERS_HEADER + "".join(lines)


async def ask(shop: Shop, row: Import, answers: dict[str, str], *, remember: bool = False) -> None:
    async with shop.sessions() as session, session.begin():
        await ask_correction(session, row.import_id, answers, "local", remember=remember)


async def corrected(
    shop: Shop, row: Import, answers: dict[str, str], *, remember: bool = False
) -> Import:
    """The import after somebody changed its statuses and ingest has looked."""
    await ask(shop, row, answers, remember=remember)
    await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()
    return next(one for one in await shop.ledger() if one.import_id == row.import_id)


async def meanings(shop: Shop) -> dict[str, str]:
    return {number: status for number, (status, _) in (await shop.statuses()).items()}


def counted(row: Import) -> dict[str, bool]:
    return {item["word"]: item["is_counted"] for item in row.notes["statuses"]}


@pytest.mark.parametrize(("word", "meaning"), [
    ("On hold", "completed"), ("paid", "cancelled"), ("Shipped", "refunded"), ("", "pending"),
    ("completed", "pending"),
])  # fmt: skip
async def test_a_word_means_what_somebody_says(shop: Shop, word: str, meaning: str) -> None:
    row = await shop.load("a.csv", orders("O1 5 " + word, "O2 6 paid", "O3 7 draft"))
    before = await shop.tables()
    about = f"status.{word.lower()}"
    row = await corrected(shop, row, {about: meaning})
    assert (await shop.statuses())["O1"][0] == meaning
    assert (await meanings(shop))["O3"] == "pending"
    assert counted(row)[word.lower()] == (meaning == "completed")
    assert (row.state, row.rows_new, row.correction, row.answers) == (
        "loaded", 3, {}, {about: meaning})  # fmt: skip
    assert [table[:5] for table in (await shop.tables())["orders"]] == [
        table[:5] for table in before["orders"]]  # fmt: skip
    [told] = [item["text"] for item in row.notes["told"] if item["about"] == about]
    assert f"was changed to {meaning}" in told
    assert await version(shop) == 2


async def test_it_is_remembered_for_files_of_the_header(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 5 closed", "O2 6 paid"))
    row = await corrected(shop, row, {"status.closed": "cancelled"}, remember=True)
    assert "from now on" in row.notes["told"][-1]["text"]
    row = await shop.load("b.csv", orders("O3 5 closed", "O4 6 paid"))
    assert await meanings(shop) == {
        "O1": "cancelled", "O2": "completed", "O3": "cancelled", "O4": "completed"}  # fmt: skip
    assert row.answers == {"status.closed": "cancelled"}
    assert row.notes["told"][-1]["text"] == "Read as decided for import 1 (a.csv)."
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT mapping -> 'statuses', questions FROM file_profiles")
        [(statuses, [question])] = found.all()
    assert statuses == {"closed": "cancelled"}
    assert (question["about"], len(question["choices"])) == ("status.closed", 4)
    row = await corrected(shop, row, {"status.closed": "completed"})
    assert (await meanings(shop))["O3"] == "completed"
    assert (await meanings(shop))["O1"] == "cancelled"


async def test_two_changes_before_ingest_looks_are_both_made(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 5 closed", "O2 6 paid"))
    await ask(shop, row, {"status.closed": "cancelled"})
    row = await corrected(shop, row, {"status.paid": "refunded"})
    assert await meanings(shop) == {"O1": "cancelled", "O2": "refunded"}


async def test_what_a_later_import_says_stays_and_what_an_earlier_said_goes(shop: Shop) -> None:
    await shop.load("z.csv", orders("O1 5 paid", "O2 6 paid", "O9 1 paid"))
    row = await shop.load("a.csv", orders("O1 5 paid", "O2 60 paid", "O3 7 paid"))
    assert row.rows_unchanged == 1
    later = await shop.load("b.csv", orders("O3 700 paid"))
    row = await corrected(shop, row, {"status.paid": "pending"})
    assert await meanings(shop) == {
        "O1": "pending", "O2": "pending", "O3": "completed", "O9": "completed"}  # fmt: skip
    await undone(shop, later)
    assert (await meanings(shop))["O3"] == "pending"
    await undone(shop, row)
    kept = dict.fromkeys(("O1", "O2", "O9"), ("completed", "paid"))
    assert await shop.statuses() == kept


async def test_of_an_orders_lines_those_that_count_now_are_the_order(shop: Shop) -> None:
    head = "order_id,customer_id,order_date,sku,amount,status\n"
    lines = "1,C,2024-01-02,A,5,paid\n1,C,2024-01-02,B,7,backorder\n2,C,2024-01-02,A,1,paid\n"
    row = await decided(shop, await shop.load("a.csv", head + lines),
                        {"status.backorder": "completed"})  # fmt: skip
    row = await corrected(shop, row, {"status.backorder": "cancelled"})
    assert [(one[0], one[3]) for one in (await shop.tables())["orders"]] == [("1", 5), ("2", 1)]


async def test_other_answers_and_rejected_rows_stay(shop: Shop) -> None:
    head, *lines = AMBIGUOUS.strip().split("\n")
    text = "\n".join([head + ",status", *(line + ",paid" for line in lines),
                      "O3,C3,31/31/2024,1,paid", *[f"O{n},C{n},01/02/2024,1,paid"
                                                  for n in range(10, 30)], ""])  # fmt: skip
    row = await decided(shop, await shop.load("a.csv", text), {"date_order": "mdy"})
    listed = [(one.line, one.reason) for one in await shop.rejects(row)]
    days = [one[2] for one in (await shop.tables())["orders"]]
    row = await corrected(shop, row, {"status.paid": "pending"})
    assert row.answers == {"date_order": "mdy", "status.paid": "pending"}
    assert [(one.line, one.reason) for one in await shop.rejects(row)] == listed
    assert [one[2] for one in (await shop.tables())["orders"]] == days


async def test_a_file_that_is_gone_or_reads_otherwise_changes_nothing(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 5 paid"))
    await ask(shop, row, {"status.paid": "pending"})
    (shop.settings.data_dir / str(row.stored_path)).rename(shop.settings.data_dir / "away")
    await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()
    [row] = await shop.ledger()
    assert (row.message, row.correction) == ("Nothing was changed: the file is gone.", {})
    (shop.settings.data_dir / "away").rename(shop.settings.data_dir / str(row.stored_path))
    rule = '[[file]]\nkind = "customers"\n[file.columns]\ncustomer_id = "customer_id"\n'
    (shop.settings.input_dir / "mapping.toml").write_text(rule)
    row = await corrected(shop, row, {"status.paid": "pending"})
    assert "would be read differently today" in str(row.message)
    assert await meanings(shop) == {"O1": "completed"}
    await lose(shop, row)
    with pytest.raises(ConflictError, match="its file is gone"):
        await ask(shop, row, {"status.paid": "pending"})


@pytest.mark.parametrize(("answers", "field"), [
    ({}, "answers"), ({"status.sent": "pending"}, "answers.status.sent"),
    ({"date_order": "dmy"}, "answers.date_order"), ({"status.paid": "no"}, "answers.status.paid"),
])  # fmt: skip
async def test_only_words_of_the_file_and_known_meanings_are_taken(
    shop: Shop, answers: dict[str, str], field: str
) -> None:
    row = await shop.load("a.csv", orders("O1 5 paid"))
    with pytest.raises(InvalidInputError) as error:
        await ask(shop, row, answers)
    assert error.value.context["field"] == field
    assert error.value.context["allowed"]


async def test_an_undo_goes_before_it(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 5 paid"))
    await ask(shop, row, {"status.paid": "pending"})
    async with shop.sessions() as session, session.begin():
        await ask_undo(session, row.import_id, "local", Undo.ASKED)
    with pytest.raises(ConflictError, match="about to be undone"):
        await ask(shop, row, {"status.paid": "pending"})
    await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()
    [row] = await shop.ledger()
    assert (row.state, row.correction) == ("undone", {})
    with pytest.raises(ConflictError, match="undone already"):
        await ask(shop, row, {"status.paid": "pending"})


async def test_erased_people_do_not_come_back(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 5 paid", "O2 6 paid"))
    async with shop.sessions() as session, session.begin():
        await request_erasure(session, shop.settings, "C1", "local")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    await corrected(shop, row, {"status.paid": "pending"})
    assert await meanings(shop) == {"O2": "pending"}


async def test_the_lake_says_what_the_table_says(shop: Shop) -> None:
    place = {"lake": f"file://{shop.settings.data_dir}/lake"}
    shop = Shop(shop.settings.model_copy(update=place), shop.sessions, shop.redis)
    lake = Lake.of(shop.settings)
    assert lake
    lake.check()
    first = await shop.load("a.csv", orders("O1 5 paid", "O2 6 paid"))
    same = await shop.load("b.csv", orders("O1 5 paid"))
    await shop.load("c.csv", orders("O2 60 paid"))
    for row, meaning in ((same, "pending"), (first, "refunded"), (same, "cancelled")):
        await corrected(shop, row, {"status.paid": meaning})
        await lake.keep_up(shop.sessions)
        await lakes.check(shop)
    assert await meanings(shop) == {"O1": "cancelled", "O2": "completed"}


async def test_the_service_notices_a_change(shop: Shop) -> None:
    row = await shop.load("a.csv", orders("O1 5 paid"))
    async with running(shop.settings, shop.sessions, shop.redis):
        await ask(shop, row, {"status.paid": "pending"})
        async with asyncio.timeout(60):
            while await meanings(shop) != {"O1": "pending"}:
                await asyncio.sleep(0.02)
