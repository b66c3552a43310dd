"""Files that can be read in two ways: held, decided, remembered."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import BinaryIO

import pytest
from sqlmodel import select

from ingest.keeping.erasing import Eraser
from ingest.reading.containers import source
from ingest.reading.questions import Choice, Question
from ingest.reading.reader import Layout, Options, plan
from ingest.reading.survey import Survey
from rfm_common.decisions import LOAD_GOOD, REFUSE, REJECTS, change_profile, decide, remove_profile
from rfm_common.erasure import request_erasure
from rfm_common.errors import ConflictError, InvalidInputError
from rfm_common.models import FileProfile, Import, ImportState
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop, running


def mostly_good(good: int = 16, bad: int = 4) -> str:
    """Orders of which some have a date that does not exist."""
    lines = [f"O{n},C{n % 3},2024-01-{n % 28 + 1:02},10.50,EUR,completed\n" for n in range(good)]
    lines += [f"B{n},C9,2024-02-30,1.00,EUR,completed\n" for n in range(bad)]
    return ORDERS_HEADER + "".join(lines)


AMBIGUOUS = (
    "order_id,customer_id,order_date,order_amount\nO{0},C1,03/04/2024,5\nO{0}b,C2,05/04/2024,7\n"
)


async def decided(
    shop: Shop, row: Import, answers: Mapping[str, str], *, remember: bool = False
) -> Import:
    """The import after a person has decided and ingest has looked."""
    async with shop.sessions() as session, session.begin():
        await decide(session, row.import_id or 0, answers, "local", remember=remember)
    return await looked(shop, row)


async def looked(shop: Shop, row: Import) -> Import:
    """The import after ingest has looked at what was decided."""
    for item in await shop.importer.decided():
        await shop.importer.bring_in(item)
    return next(one for one in await shop.ledger() if one.import_id == row.import_id)


async def test_a_file_with_many_bad_rows_is_held_and_its_good_ones_load(shop: Shop) -> None:
    held = await shop.load("orders.csv", mostly_good())

    assert held.state is ImportState.NEEDS_DECISION
    assert held.stored_path == f"held/{held.import_id}-orders.csv"
    assert (shop.settings.data_dir / held.stored_path).is_file()
    assert not list(shop.settings.input_dir.iterdir())
    [question] = held.questions
    assert question["about"] == REJECTS
    assert question["text"] == "4 of 20 rows have a problem: import the other 16?"
    assert question["proposal"] == LOAD_GOOD
    assert [choice["value"] for choice in question["choices"]] == [LOAD_GOOD, REFUSE]
    [way] = held.preview["ways"]
    assert way["numbers"] == {
        "rows": 20, "rows_rejected": 4, "is_whole_file": True, "customers": 3, "orders": 16,
        "orders_not_counted": 0, "amounts": {"EUR": "168"}, "first_day": "2024-01-01",
        "last_day": "2024-01-16",
    }  # fmt: skip
    [problem] = way["problems"]
    assert (problem["column_name"], problem["rows"], problem["first_line"]) == ("order_date", 4, 18)
    assert way["columns"][:2] == ["order_id", "customer_id"]
    assert way["rows"][0]["cells"]["customer_id"] == "C0"
    assert way["rows"][0]["raw"].startswith("O0,C0,")
    assert len(await shop.rejects(held)) == 4
    assert not (await shop.tables())["orders"]

    row = await decided(shop, held, {REJECTS: LOAD_GOOD})
    assert row.state is ImportState.LOADED_WITH_REJECTS
    assert (row.rows_total, row.rows_new, row.rows_rejected) == (20, 16, 4)
    assert row.preview == {}
    assert row.stored_path == f"archive/{row.import_id}-orders.csv"
    assert (shop.settings.data_dir / row.stored_path).is_file()
    assert not list(shop.settings.held_dir.iterdir())
    assert len(await shop.rejects(row)) == 4
    assert len((await shop.tables())["orders"]) == 16


async def test_the_proposal_is_to_refuse_a_file_of_mostly_bad_rows(shop: Shop) -> None:
    held = await shop.load("orders.csv", mostly_good(4, 16))
    assert held.questions[0]["proposal"] == REFUSE


@pytest.mark.parametrize("answers", [{REJECTS: REFUSE}, {"file": REFUSE}])
async def test_a_declined_file_goes_to_quarantine(shop: Shop, answers: dict[str, str]) -> None:
    held = await shop.load("orders.csv", mostly_good())
    row = await decided(shop, held, answers, remember=True)
    assert (row.state, row.reason) == ("quarantined", "declined")
    assert row.stored_path == f"quarantine/{row.import_id}-orders.csv"
    assert (shop.settings.data_dir / f"{row.stored_path}.rejects.csv").is_file()
    assert not (await shop.tables())["orders"]
    async with shop.sessions() as session:
        assert not (await session.exec(select(FileProfile))).all()


async def test_a_file_without_a_good_row_is_refused(shop: Shop) -> None:
    row = await shop.load("orders.csv", mostly_good(0, 5))
    assert (row.state, row.reason) == ("quarantined", "too_many_rejects")


async def test_the_same_bytes_do_not_ask_twice(shop: Shop) -> None:
    held = await shop.load("orders.csv", mostly_good())
    await decided(shop, held, {REJECTS: LOAD_GOOD})
    again = await shop.load("again.csv", mostly_good())
    assert (again.state, again.duplicate_of) == ("duplicate", held.import_id)


async def test_an_answer_is_one_of_the_choices_and_the_file_waits(shop: Shop) -> None:
    held = await shop.load("orders.csv", mostly_good())
    for answers, field in (
        ({}, "answers.rejects"), ({REJECTS: "maybe"}, "answers.rejects"),
        ({REJECTS: LOAD_GOOD, "encoding": "utf-8"}, "answers.encoding"),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as caught:
            await decided(shop, held, answers)
        assert caught.value.context["field"] == field
        assert caught.value.context["allowed"]
    await decided(shop, held, {REJECTS: LOAD_GOOD})
    with pytest.raises(ConflictError):
        await decided(shop, held, {REJECTS: LOAD_GOOD})


async def test_the_service_notices_a_decision(shop: Shop) -> None:
    held = await shop.load("orders.csv", mostly_good())
    async with running(shop.settings, shop.sessions, shop.redis):
        async with shop.sessions() as session, session.begin():
            await decide(
                session, held.import_id or 0, {REJECTS: LOAD_GOOD}, "local", remember=False
            )
        async with asyncio.timeout(60):
            while (await shop.ledger())[0].state is not ImportState.LOADED_WITH_REJECTS:
                await asyncio.sleep(0.02)


async def test_a_changed_mapping_lets_files_that_wait_be_read_anew(shop: Shop) -> None:
    await shop.load("orders.csv", AMBIGUOUS.format(1))
    async with running(shop.settings, shop.sessions, shop.redis):
        rule = '[[file]]\nkind = "orders"\n[file.columns]\n'
        names = ("order_id", "customer_id", "order_date", "order_amount")
        rule += "".join(f'{name} = "{name}"\n' for name in names)
        rule += '[file.answers]\ndate_order = "mdy"\n'
        (shop.settings.input_dir / "mapping.toml").write_text(rule)
        async with asyncio.timeout(60):
            while (await shop.ledger())[0].state is not ImportState.LOADED:
                await asyncio.sleep(0.02)


async def test_a_held_file_that_somebody_removed_is_told(shop: Shop) -> None:
    held = await shop.load("orders.csv", mostly_good())
    (shop.settings.data_dir / str(held.stored_path)).unlink()
    await shop.importer.tidy()
    [row] = await shop.ledger()
    assert (row.state, row.reason, row.stored_path) == ("quarantined", "vanished", None)


async def days(shop: Shop) -> list[str]:
    return sorted(str(row[2])[:10] for row in (await shop.tables())["orders"])


async def test_each_way_to_answer_is_shown_and_the_chosen_one_loads(shop: Shop) -> None:
    held = await shop.load("orders.csv", AMBIGUOUS.format(1))
    first, second = held.preview["ways"]
    assert (first["answers"], second["answers"]) == ({"date_order": "dmy"}, {"date_order": "mdy"})
    assert first["numbers"]["first_day"] == "2024-04-03"
    assert second["numbers"]["first_day"] == "2024-03-04"
    assert second["rows"][0]["cells"]["order_date"] == "2024-03-04"
    row = await decided(shop, held, {"date_order": "mdy"})
    assert row.state is ImportState.LOADED
    assert await days(shop) == ["2024-03-04", "2024-05-04"]
    assert (await shop.load("next.csv", AMBIGUOUS.format(2))).state == "needs_decision"


async def test_a_remembered_answer_reads_files_of_the_header_from_now_on(shop: Shop) -> None:
    held = await shop.load("orders.csv", AMBIGUOUS.format(1))
    other = await shop.load("other.csv", AMBIGUOUS.format(2))
    assert other.state is ImportState.NEEDS_DECISION
    await decided(shop, held, {"date_order": "mdy"}, remember=True)

    assert [row.state for row in await shop.ledger()] == ["loaded", "loaded"]
    row = await shop.load("next.csv", AMBIGUOUS.format(3))
    assert row.state is ImportState.LOADED
    [told] = row.notes["told"]
    assert told["text"] == f"Read as decided for import {held.import_id} (orders.csv)."
    assert set(await days(shop)) == {"2024-03-04", "2024-05-04"}

    async with shop.sessions() as session, session.begin():
        [profile] = (await session.exec(select(FileProfile))).all()
        assert (profile.used_count, profile.kind) == (3, "orders")
        assert profile.headers == ["order_id", "customer_id", "order_date", "order_amount"]
        assert profile.mapping["columns"]["order_date"] == "order_date"
        number = profile.profile_id or 0
        with pytest.raises(InvalidInputError):
            await change_profile(session, number, None, {"date_order": "ymd"})
        await change_profile(session, number, "Till", {"date_order": "dmy"})
    assert (await shop.load("d.csv", AMBIGUOUS.format(4))).state is ImportState.LOADED
    assert "2024-04-03" in await days(shop)
    async with shop.sessions() as session, session.begin():
        await remove_profile(session, number)
    assert (await shop.load("e.csv", AMBIGUOUS.format(5))).state is ImportState.NEEDS_DECISION


async def test_an_answer_may_raise_the_next_question(shop: Shop) -> None:
    bad = "".join(f"B{n},C1,31/31/2024,1\n" for n in range(2))
    held = await shop.load("orders.csv", AMBIGUOUS.format(1) + bad)
    again = await decided(shop, held, {"date_order": "dmy"})
    assert again.state is ImportState.NEEDS_DECISION
    assert [question["about"] for question in again.questions] == [REJECTS]
    row = await decided(shop, again, {REJECTS: LOAD_GOOD})
    assert row.answers == {"date_order": "dmy", REJECTS: LOAD_GOOD}
    assert (row.state, row.rows_new, row.rows_rejected) == ("loaded_with_rejects", 2, 2)


@pytest.mark.parametrize("content", [AMBIGUOUS.format(1), mostly_good()])
async def test_the_same_bytes_wait_once(shop: Shop, content: str) -> None:
    held = await shop.load("orders.csv", content)
    again = await shop.load("again.csv", content)
    assert (again.state, again.duplicate_of) == ("duplicate", held.import_id)


async def test_an_erased_customer_leaves_a_file_that_waits_and_its_preview(shop: Shop) -> None:
    held = await shop.load("orders.csv", mostly_good())
    async with shop.sessions() as session, session.begin():
        await request_erasure(session, shop.settings, "C1", "local")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()

    again = await looked(shop, held)
    assert again.state is ImportState.NEEDS_DECISION
    assert ",C1," not in (shop.settings.data_dir / str(again.stored_path)).read_text()
    assert "C1" not in str(again.preview)
    row = await decided(shop, again, {REJECTS: LOAD_GOOD})
    assert row.state is ImportState.LOADED_WITH_REJECTS
    assert {order[1] for order in (await shop.tables())["orders"]} == {"C0", "C2"}


async def test_an_erasure_reads_a_kept_file_as_it_was_decided(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would look for the person in the wrong column."""
    question = Question(
        about="column.customer_id", text="Who is the customer?", found="buyer, payer",
        proposal="0", choices=(Choice("0", "buyer"), Choice("1", "payer")),
    )  # fmt: skip

    def asking(file: BinaryIO, name: str, facts: Survey, options: Options) -> Layout:
        layout = plan(file, name, facts, options)
        chosen = options.answers.get(question.about)
        columns = layout.mapping.columns | {"customer_id": int(chosen or 0)}
        mapping = replace(layout.mapping, columns=columns)
        return replace(layout, mapping=mapping, questions=() if chosen else (question,))

    monkeypatch.setattr(source, "plan", asking)
    header = "customer_id,payer,order_id,order_date,order_amount\n"
    held = await shop.load("a.csv", header + "B1,P1,O1,2024-01-10,5\nB2,P2,O2,2024-01-10,5\n")
    await decided(shop, held, {question.about: "1"}, remember=True)
    row = await shop.load("b.csv", header + "B1,P1,O3,2024-01-10,5\nB2,P2,O4,2024-01-10,5\n")
    assert (row.state, row.answers) == ("loaded", {question.about: "1"})

    async with shop.sessions() as session, session.begin():
        await request_erasure(session, shop.settings, "P1", "local")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    for one in await shop.ledger():
        kept = (shop.settings.data_dir / str(one.stored_path)).read_text()
        assert "P1" not in kept
        assert "P2" in kept
