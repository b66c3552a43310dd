"""A person is erased: from tables, files and the stream, for ever, and nobody else is touched."""

import os
import stat

import pytest
from pydantic import SecretStr
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.folder import Dropped
from ingest.keeping.erasing import Eraser, LeftOverError
from ingest.refusal import ChangedError
from ingest.service import Ingest
from rfm_common import erasure
from rfm_common.db import lock, run_sql
from rfm_common.erasure import erase_now, open_erasures, request_erasure
from rfm_common.errors import UnavailableError
from rfm_common.models import Erasure, FileProfile, ImportState
from tests.integration.ingest.dropping import CUSTOMERS_HEADER, ORDERS_HEADER, Shop, drop
from tests.traces import traces

EVA, OLD, BOB = "eva@example.com", "eva.before@example.com", "bob@example.com"
WORDS = (EVA, OLD, "EVA-1")
FILES = {
    "first.csv": CUSTOMERS_HEADER + f'EVA-1,{OLD},DE,2023-01-15\nBOB,{BOB},FR,2023-01-16\n',
    "customers.csv": CUSTOMERS_HEADER
    + f'EVA-1,"{EVA}",DE,2023-01-15\r\n"AL","al@example.com","a\nb",2023-01-15\r\n',
    "orders.csv": ORDERS_HEADER
    + "".join(f"O{n},EVA-1,2024-01-10,{n}.00,EUR,completed\n" for n in range(30))
    + "P1,BOB,2024-01-10,7.00,EUR,completed\nP2,EVA-1,2024-02-30,7.00,EUR,completed\n"
    + f"P3,BOB,2024-01-11,nothing,EUR,completed\nP4,AL,2024-13-11,1,EUR,see {EVA}\n",
    "no-header.csv": f"EVA-1,{EVA},DE,2023-01-15\nBOB,{BOB},FR,2023-01-16\n",
    "damaged.csv": CUSTOMERS_HEADER + f'EVA-1,"{EVA},DE,2023-01-15\n',
    "others.csv": CUSTOMERS_HEADER + "DAN,dan@example.com,DE,2023-01-15\n",
}  # fmt: skip


async def erase(shop: Shop, customer_id: str) -> Erasure:
    async with shop.sessions() as session, session.begin():
        asked = await request_erasure(session, shop.settings, customer_id, "cli")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    async with shop.sessions() as session:
        return await session.get_one(Erasure, asked.erasure_id)


async def test_nothing_is_left_and_nothing_comes_back(shop: Shop) -> None:
    folder = shop.settings.data_dir
    for name, content in FILES.items():
        await shop.load(name, content)
    assert len(await traces(shop.sessions, shop.redis, folder, *WORDS)) > 20
    done = await erase(shop, "EVA-1")
    assert await traces(shop.sessions, shop.redis, folder, *WORDS) == []
    assert (done.state, done.customer_id, done.emails) == ("finished", None, [])
    assert done.removed["orders"] == 30
    assert (done.removed["files_rewritten"], done.removed["files_deleted"]) == (4, 1)
    kept = {path.name.partition("-")[2]: path.read_text()
            for path in shop.settings.archive_dir.iterdir()}  # fmt: skip
    assert kept["others.csv"] == FILES["others.csv"]
    assert kept["first.csv"] == CUSTOMERS_HEADER + f"BOB,{BOB},FR,2023-01-16\n"
    assert (await shop.tables())["customers"][0][0] == "AL"

    for name, content in FILES.items():
        await shop.load(name, content)  # the same bytes: known, or refused, again
        await shop.load(f"re-{name}", content + "\n")  # other bytes: loaded as far as it may
    assert await traces(shop.sessions, shop.redis, folder, *WORDS) == []
    rows = await shop.ledger()
    assert [row.state for row in rows if row.file_name == "orders.csv"] == [
        ImportState.LOADED_WITH_REJECTS, ImportState.DUPLICATE]  # fmt: skip
    again = next(row for row in rows if row.file_name == "re-orders.csv")
    assert (again.rows_total, again.rows_unchanged, again.rows_rejected) == (34, 1, 33)
    assert [reject.reason for reject in await shop.rejects(again)].count("erased") == 32
    assert [row[0] for row in (await shop.tables())["orders"]] == ["P1"]


async def test_the_data_count_up_and_runs_that_read_the_person_start_again(shop: Shop) -> None:
    await shop.load("orders.csv", FILES["orders.csv"])
    async with shop.sessions() as session, session.begin():
        await run_sql(
            session,
            """
            INSERT INTO scoring_runs (state, trigger, window_days, engine, fence, data_version)
            VALUES ('running', 'api', 365, 'local', 3, 1)
            """,
        )
    await erase(shop, "EVA-1")
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT data_version, (SELECT ROW(state, fence)::text"
                              " FROM scoring_runs) FROM data_state")  # fmt: skip
        assert tuple(found.one()) == (2, "(queued,4)")
        told = await run_sql(session, "SELECT action, actor, subject, rows FROM audit_log")
        assert [tuple(row) for row in told] == [
            ("customer.erase", "cli", "erasure 1", None),
            ("customer.erased", "cli", "erasure 1", 31),
        ]


@pytest.mark.parametrize(
    "broken", ["erase_rows", "learn_emails", "scrub.copy_without", "bus.forget", "finish_erasure"]
)
async def test_an_erasure_that_was_cut_off_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def die(*_: object) -> None:
        raise Killed

    await shop.load("customers.csv", FILES["customers.csv"])
    await shop.load("orders.csv", FILES["orders.csv"])
    with monkeypatch.context() as patch:
        patch.setattr(f"ingest.keeping.erasing.{broken}", die)
        with pytest.raises(Killed):
            await erase(shop, "EVA-1")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, *WORDS) == []
    notes = [row.notes["file_changed"]["what"] for row in await shop.ledger()]
    assert notes == ["rewritten", "rewritten"]


@pytest.mark.parametrize(
    ("customer_id", "email"),
    [
        ("ΝΙΚΟΣ", "ΝΙΚΟΣ@example.com"),
        ("İPEK", "İpek@Example.com"),
        ("STRAẞE", "straße@example.com"),
        ("\u212a1", "kelvin@example.com"),
        ("1785017850", "one@example.com"),
        ("a.b*c", "A.B@example.com"),
        ("eva@example.com", "eva@example.com"),
    ],
)
async def test_no_letter_and_no_mark_hides_a_person(
    customer_id: str, email: str, shop: Shop
) -> None:
    """One side by Unicode, the other by the database, are two answers."""
    spelt = f"{customer_id}.0" if customer_id.isdecimal() else customer_id
    customers = CUSTOMERS_HEADER + f"{spelt},{email},DE,2023-01-15\nBOB,{BOB},FR,2023-01-16\n"
    await shop.load("customers.csv", customers)
    for number, comma in enumerate((",", "^", ":")):
        orders = [
            ORDERS_HEADER.strip().split(","),
            [f"O{number}1", spelt, "2024-01-10", "5", "EUR", "paid"],
            [f"O{number}2", spelt, "not-a-date", "5", "EUR", "paid"],
            *([f"P{number}{n}", "BOB", "2024-01-10", "5", "EUR", "paid"] for n in range(20)),
        ]
        content = "".join(comma.join(row) + "\n" for row in orders)
        row = await shop.load(f"orders-{number}.csv", content)
        assert (row.rows_new, row.rows_rejected) == (21, 1)
    done = await erase(shop, customer_id)
    words = {customer_id, spelt, email, email.lower()}
    assert done.state == "finished"
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, *words) == []
    kept = [path.read_text() for path in shop.settings.archive_dir.iterdir()]
    assert len(kept) == 4
    assert not any(word in text for word in words for text in kept)


async def test_a_rewritten_file_is_open_to_nobody_more(shop: Shop) -> None:
    owner = 65534 if os.geteuid() == 0 else os.geteuid()  # only root may give files away
    for mode in (0o600, 0o640, 0o444):
        row = await shop.load(
            f"{mode}.csv", FILES["customers.csv"] + f"X,,DE,2023-01-{mode % 28}\n"
        )
        stored = shop.settings.data_dir / str(row.stored_path)
        stored.chmod(mode)
        os.chown(stored, owner, -1)
    await erase(shop, "EVA-1")
    kept = {path.name[2:]: path.stat() for path in shop.settings.archive_dir.iterdir()}
    modes = {name: (stat.S_IMODE(one.st_mode), one.st_uid) for name, one in kept.items()}
    assert modes == {f"{mode}.csv": (mode, owner) for mode in (0o600, 0o640, 0o444)}


async def test_what_is_left_keeps_it_from_being_finished(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.load("orders.csv", FILES["orders.csv"])
    blind = {"import_rejects": "UPDATE import_rejects SET raw = raw WHERE false AND :id = ''"}
    with monkeypatch.context() as patch:
        patch.setattr("rfm_common.erasure._TEXTS", blind)
        with pytest.raises(LeftOverError):
            await erase(shop, "EVA-1")
    async with shop.sessions() as session:
        assert [one.state for one in await open_erasures(session)] == ["requested"]
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, "EVA-1") == []


async def test_a_table_that_a_run_drops_meanwhile_is_no_failure(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.load("orders.csv", FILES["orders.csv"])
    real = erasure._tables

    async def and_one_that_is_gone(session: AsyncSession) -> list[str]:
        return ["customer_clusters_10_9", *await real(session)]

    monkeypatch.setattr(erasure, "_tables", and_one_that_is_gone)
    done = await erase_now(shop.sessions, shop.settings, "EVA-1", "cli")
    assert done.removed["orders"] == 30


@pytest.mark.parametrize(
    "start", [b"", b"order_id,customer_id\nO1,EVA-1\n", b"\x1f\x8b\x08", b"PK\x03\x04"]
)
async def test_a_sparse_file_in_quarantine_holds_no_erasure_up(shop: Shop, start: bytes) -> None:
    """Twenty gigabytes of nothing would be read for minutes; what cannot be searched goes."""
    await shop.load("orders.csv", FILES["orders.csv"])
    shop.settings.quarantine_dir.mkdir(parents=True, exist_ok=True)
    sparse = shop.settings.quarantine_dir / "1-sparse.csv"
    sparse.write_bytes(start)
    os.truncate(sparse, 20 * 2**30)
    done = await erase(shop, "EVA-1")
    assert (done.state, sparse.exists()) == ("finished", False)


async def test_files_are_loaded_between_two_erasures(shop: Shop) -> None:
    await shop.load("orders.csv", FILES["orders.csv"])
    async with shop.sessions() as session, session.begin():
        for name in ("EVA-1", "BOB"):
            await request_erasure(session, shop.settings, name, "cli")
    eraser = Eraser(shop.settings, shop.sessions, shop.redis)
    await eraser.carry_out()
    async with shop.sessions() as session:
        assert len(await open_erasures(session)) == 1
    await eraser.carry_out()
    assert not await eraser.is_asked()


class Killed(BaseException):
    """What kill -9 looks like from inside."""


async def test_a_load_that_began_before_does_not_bring_the_person(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def erase_meanwhile(session, key) -> None:
        if not (shop.settings.data_dir / "erasure.key").exists():
            await erase(shop, "EVA-1")
        await lock(session, key)

    await shop.load("customers.csv", FILES["customers.csv"])
    monkeypatch.setattr("ingest.loading.loader.lock", erase_meanwhile)
    path = drop(shop.settings, "orders.csv", FILES["orders.csv"])
    with pytest.raises(ChangedError):
        await shop.importer.bring_in(Dropped(path, path.lstat()))
    assert (await shop.tables())["orders"] == []
    await shop.importer.bring_in(Dropped(path, path.lstat()))
    assert [row[0] for row in (await shop.tables())["orders"]] == ["P1"]
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, *WORDS) == []


ELSEWHERE = (
    "INSERT INTO scoring_runs (state, trigger, window_days, engine)"
    " VALUES ('finished', 'api', 365, 'local')",
    "INSERT INTO run_samples SELECT run_id, 'EVA-1', 1, 1, 1, 0, 'Lost' FROM scoring_runs",
    "INSERT INTO webhook_told (calc_date, customer_id, run_id) VALUES (now(), 'EVA-1', 1)",
    "INSERT INTO webhook_endpoints (url, events, secret) VALUES ('http://x', '{}', 's')",
    "INSERT INTO webhook_messages (message_id, type, payload) VALUES"
    " ('n', 'x', jsonb_build_object('data', jsonb_build_object('customers', 3))),"
    " ('m', 'x', jsonb_build_object('data', jsonb_build_object('customers', jsonb_build_array("
    " jsonb_build_object('customer_id', 'EVA-1'), jsonb_build_object('customer_id', 'BOB')))))",
    "INSERT INTO webhook_deliveries (message_id, endpoint_id, state)"
    " SELECT 'm', endpoint_id, 'delivered' FROM webhook_endpoints",
    "INSERT INTO webhook_attempts (delivery_id, milliseconds, answer)"
    f" SELECT delivery_id, 1, 'who is {EVA}?' FROM webhook_deliveries",
    "INSERT INTO outbox (type, data) VALUES"
    f" ('import.started', jsonb_build_object('import_id', 1, 'file_name', '{EVA}.csv'))",
)
"""What names the person in tables that ingest does not fill."""


async def test_messages_to_others_and_charts_lose_the_person_too(shop: Shop) -> None:
    await shop.load("customers.csv", FILES["customers.csv"])
    async with shop.sessions() as session, session.begin():
        for statement in ELSEWHERE:
            await run_sql(session, statement)
    assert len(await traces(shop.sessions, shop.redis, shop.settings.data_dir, *WORDS)) == 7
    await erase(shop, "EVA-1")
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, *WORDS) == []
    async with shop.sessions() as session:
        told = "SELECT payload #> '{data,customers}' FROM webhook_messages ORDER BY message_id"
        assert (await run_sql(session, told)).scalars().all() == [[{"customer_id": "BOB"}], 3]


async def test_an_address_that_two_customers_share_stays_with_the_other(shop: Shop) -> None:
    both = CUSTOMERS_HEADER + "".join(f"{one},Home@example.com,DE,\n" for one in ("EVA-1", "BOB"))
    await shop.load("customers.csv", both)
    await erase(shop, "EVA-1")
    assert [row[:2] for row in (await shop.tables())["customers"]] == [("BOB", "Home@example.com")]
    await shop.load("again.csv", both + "\n")
    assert [row[:2] for row in (await shop.tables())["customers"]] == [("BOB", "Home@example.com")]


async def test_an_erased_address_at_another_id_is_left_out(shop: Shop) -> None:
    await shop.load("customers.csv", FILES["customers.csv"])
    await erase(shop, "EVA-1")
    row = await shop.load("new.csv", CUSTOMERS_HEADER + f"NEW,{EVA.upper()},DE,2024-01-15\n")
    assert row.state == ImportState.LOADED
    assert ("NEW", None) in [row[:2] for row in (await shop.tables())["customers"]]
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, EVA) == []


async def test_what_an_import_tells_of_statuses_names_nobody(shop: Shop) -> None:
    listed = shop.settings.model_copy(update={"counted_statuses": frozenset({"completed"})})
    shop = Shop(listed, shop.sessions, shop.redis)  # a status that nobody knows is no question
    await shop.load("customers.csv", FILES["customers.csv"])
    text = ORDERS_HEADER + f"P1,EVA-1,2024-01-10,7.00,EUR,call {EVA}\n"
    row = await shop.load("orders.csv", text)
    assert EVA.lower() in str(row.notes["statuses"])
    await erase(shop, "EVA-1")
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, EVA) == []


async def test_what_is_remembered_of_a_header_names_nobody(shop: Shop) -> None:
    """A file's name may be an address, and a person may have said what a word with one means."""
    word = f"status.call {EVA}"
    lines = [f"P{n},BOB,{13 + n}/02/2024,7.00,EUR,completed\n" for n in range(9)]
    await shop.load(f"of {EVA}.csv", ORDERS_HEADER + "".join(lines))
    async with shop.sessions() as session, session.begin():
        profile = (await session.exec(select(FileProfile))).one()
        profile.answers = {word: "completed", "date_order": "dmy"}
        profile.questions = [{"about": word, "text": word, "choices": []},
                             {"about": "date_order", "text": "?", "choices": []}]  # fmt: skip
        profile.mapping = profile.mapping | {"statuses": {word: "completed"}}
        session.add(profile)
        given = "UPDATE imports SET answers = jsonb_build_object(:word, 'completed')"
        await run_sql(session, given, word=word)
    await shop.load("customers.csv", FILES["customers.csv"])
    done = await erase(shop, "EVA-1")
    assert done.state == "finished"
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, *WORDS) == []
    async with shop.sessions() as session:
        left = (await session.exec(select(FileProfile))).one()
    assert (left.answers, [one["about"] for one in left.questions]) == (
        {"date_order": "dmy"}, ["date_order"]
    )  # fmt: skip
    assert left.mapping["columns"]["customer_id"] == "customer_id"


async def test_all_lines_of_an_order_go_with_the_one_that_names_the_customer(shop: Shop) -> None:
    header = "Name,Email,Financial Status,Paid at,Total,Currency,Created at,Lineitem name\n"
    lines = [f"#1,{EVA},paid,,10.00,EUR,2024-01-10,a", "#1,,,,,,2024-01-10,b",
             f"#2,{BOB},paid,,5.00,EUR,2024-01-10,c", ""]  # fmt: skip
    await shop.load("shopify.csv", header + "\n".join(lines))
    await erase(shop, EVA)
    again = await shop.load("shopify-2.csv", header + "\n".join(lines) + "\n")
    assert [row[:2] for row in (await shop.tables())["orders"]] == [("#2", BOB)]
    assert [(reject.line, reject.reason) for reject in await shop.rejects(again)] == [
        (2, "erased"), (3, "erased")]  # fmt: skip
    stored = shop.settings.data_dir / str(again.stored_path)
    assert stored.read_text() == header + lines[2] + "\n\n"


async def test_without_the_key_nothing_is_loaded_until_it_is_back(shop: Shop) -> None:
    await erase(shop, "EVA-1")
    key = shop.settings.data_dir / "erasure.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.rename(key.with_suffix(".away"))
    path = drop(shop.settings, "first.csv", FILES["first.csv"])
    service = Ingest(shop.settings, shop.sessions, shop.redis)
    assert await service._round(_Never()) > 0
    assert (path.exists(), (await shop.tables())["customers"]) == (True, [])
    key.with_suffix(".away").rename(key)
    await shop.load("second.csv", FILES["first.csv"])
    assert [row[0] for row in (await shop.tables())["customers"]] == ["BOB"]


async def test_a_key_of_the_settings_takes_the_place_of_the_file(shop: Shop) -> None:
    given = shop.settings.model_copy(update={"erasure_key": SecretStr("a secret of the vault")})
    told = Shop(given, shop.sessions, shop.redis)
    await erase(told, "EVA-1")
    assert not (given.data_dir / "erasure.key").exists()
    await told.load("first.csv", FILES["first.csv"])
    assert [row[0] for row in (await told.tables())["customers"]] == ["BOB"]
    other = given.model_copy(update={"erasure_key": SecretStr("another secret")})
    with pytest.raises(UnavailableError, match="under another key"):
        await Shop(other, shop.sessions, shop.redis).load("customers.csv", FILES["customers.csv"])


class _Never:
    """A stop that nobody asks for."""

    def is_set(self) -> bool:
        return False
