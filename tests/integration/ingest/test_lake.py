"""The lake says what the table says, whatever is loaded, removed, erased or cut off."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.asyncio import Redis

from gateway.imports.demo import remove_demo
from ingest.keeping.erasing import Eraser
from ingest.lake.sync import Lake, leave
from rfm_common.db import AdvisoryLock, Sessions, lock, open_sessions, run_sql
from rfm_common.erasure import erase_now
from rfm_common.errors import UnavailableError
from rfm_common.lake import live_imports, order_file
from rfm_common.settings import Settings
from tests.conftest import Template, fresh
from tests.integration.ingest import lakes
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop, drop, running, settled
from tests.integration.ingest.test_laws import ORDERS, law, rows_of, written
from tests.running import eventually, start

ORDER = ORDERS_HEADER + "O1,C1,2024-01-10,5.00,EUR,completed\n"
FIRST = (
    ORDERS_HEADER
    + "O1,C1,2024-01-10,5,EUR,completed\nO1,C2,2024-01-11T10:11:12.123456Z,7.1234,,completed\n"
    + '"O\n""2",C2,2024-01-12,99999999999999.9999,USD,refunded\n'
    + "".join(f"P{n},C1,2024-01-10,1,EUR,completed\n" for n in range(9))
)
SECOND = (
    "order_id,customer_id,order_date,order_amount,status\n"
    "O1,C2,2024-01-11T10:11:12.123456Z,7.1234,completed\nP1,C9,2024-01-10,2,paid\n"
)


@pytest.fixture
def shop(settings: Settings, sessions: Sessions, redis: Redis) -> Shop:
    """A shop with a lake, as after the start of ingest."""
    with_lake = settings.model_copy(update={"lake": f"file://{settings.data_dir}/lake"})
    made = Shop(with_lake, sessions, redis)
    lake_of(made).check()
    return made


def lake_of(shop: Shop) -> Lake:
    lake = Lake.of(shop.settings)
    assert lake
    return lake


async def upkeep(shop: Shop) -> None:
    """What the service does from time to time."""
    await lake_of(shop).tidy(shop.sessions)
    await lake_of(shop).keep_up(shop.sessions)


async def erase(shop: Shop, customer_id: str) -> None:
    await erase_now(shop.sessions, shop.settings, customer_id, "cli", unknown=True)
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()


async def lift_all(shop: Shop) -> None:
    """Let erased customers come back, so that there is something to erase."""
    async with shop.sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM suppressions")


@pytest.mark.parametrize("rebuild_rows", [1, 10**9], ids=["rebuild", "merge"])
async def test_a_file_of_orders_is_a_file_of_the_lake(shop: Shop, rebuild_rows: int) -> None:
    shop = Shop(shop.settings.model_copy(update={"rebuild_rows": rebuild_rows}), shop.sessions,
                shop.redis)  # fmt: skip
    first = await shop.load("a.csv", FIRST)
    assert first.in_lake
    rows = pl.read_parquet(lakes.path_of(shop, 1))
    assert dict(rows.schema) == {
        "import_id": pl.Int64(), "order_id": pl.String(), "customer_id": pl.String(),
        "order_date": pl.Datetime("us", "UTC"), "order_amount": pl.Decimal(18, 4),
        "currency": pl.String(), "status": pl.String(), "status_word": pl.String(),
    }  # fmt: skip
    assert rows.filter(pl.col("order_id") == "O1")["order_amount"].to_list() == [Decimal("7.1234")]
    await lakes.check(shop)

    again = await shop.load("b.csv", SECOND)
    assert pl.read_parquet(lakes.path_of(shop, 2))["order_id"].to_list() == ["P1"]
    assert (again.rows_updated, again.rows_unchanged) == (1, 1)
    same = await shop.load("c.csv", SECOND + "\n")
    assert (same.rows_unchanged, same.in_lake) == (2, False)
    customers = await shop.load("d.csv", "customer_id,email,country,created_at\nC1,,DE,\n")
    assert not customers.in_lake
    assert lakes.files(shop) == ["import-1.parquet", "import-2.parquet"]
    await lakes.check(shop)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("load"), ORDERS),
        st.tuples(st.just("load"), ORDERS),
        st.tuples(st.just("demo"), ORDERS),
        st.tuples(st.just("remove demo"), st.none()),
        st.tuples(st.just("erase"), st.sampled_from(["7", "007", "C;7", "ü"])),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("leave"), st.none()),
        st.tuples(st.just("upkeep"), st.none()),
    ),
    min_size=4, max_size=12,
)  # fmt: skip


BOB = {"1": ("007", datetime(2024, 1, 10, tzinfo=UTC), Decimal("1.00"), "EUR", "completed")}
EVA = {"1": ("7", *BOB["1"][1:])}


@law
@given(steps=STEPS)
@example(steps=[("load", BOB), ("demo", EVA), ("remove demo", None), ("upkeep", None)])
@example(steps=[("load", BOB), ("leave", None), ("load", EVA), ("erase", "7"), ("upkeep", None)])
@example(steps=[("load", EVA), ("load", BOB), ("leave", None), ("upkeep", None), ("erase", "7")])
@example(steps=[("load", BOB), ("demo", BOB), ("lose", 1), ("remove demo", None), ("load", EVA)])
@pytest.mark.slow
async def test_the_lake_is_the_table_after_any_history(shop: Shop, steps: list) -> None:
    await shop.clear()
    for number, (step, what) in enumerate(steps):
        await take(shop, number, step, what)
    await upkeep(shop)
    await lakes.check(shop)
    async with shop.sessions() as session:
        live = await live_imports(session)
    assert lakes.files(shop) == sorted(f"import-{entry.import_id}.parquet" for entry in live)


async def take(shop: Shop, number: int, step: str, what) -> None:
    """One step of a history; what waits for upkeep is told apart, never told wrong."""
    if step in {"load", "demo"}:
        name = f"rfm-demo-{number}.csv" if step == "demo" else f"{number}.csv"
        row = await shop.load(name, written(ORDERS_HEADER, rows_of(what)))
        assert row.state in {"loaded", "duplicate"}, row.message
    elif step == "remove demo":
        await remove_demo(shop.sessions, shop.settings)
    elif step == "erase":
        await erase(shop, what)
        assert named_in_files(shop, what) == []
        await lift_all(shop)
    elif step == "lose":
        lakes.path_of(shop, what).unlink(missing_ok=True)
        await lake_of(shop).tidy(shop.sessions)
    else:
        await (leave(shop.sessions) if step == "leave" else upkeep(shop))
    await usable_files_say_what_the_table_says(shop)


def named_in_files(shop: Shop, customer_id: str) -> list[str]:
    folder = lakes.path_of(shop, 0).parent
    return [name for name in lakes.files(shop)
            if customer_id in pl.read_parquet(folder / name)["customer_id"]]  # fmt: skip


async def usable_files_say_what_the_table_says(shop: Shop) -> None:
    """Files that are said to be there, and the table for all others, are the table."""
    async with shop.sessions() as session:
        live = await live_imports(session)
        table = [tuple(row) for row in await run_sql(session, lakes.TABLE)]
    told: dict[object, tuple[object, ...]] = {}
    for entry in live:
        ours = [row for row in table if row[0] == entry.import_id]
        rows = lakes.winners(shop, [entry.import_id]) if entry.in_lake else ours
        told.update({row[1]: row for row in rows})
    assert sorted(told.values(), key=lambda row: str(row[1]).encode()) == table


async def test_not_the_higher_id_wins_but_the_later_commit(shop: Shop, settings: Settings) -> None:
    """Two processes: the file that was claimed first is loaded last."""
    async with shop.sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO imports (file_name, state, size_bytes, stored_path)"
                      " VALUES ('late.csv', 'reading', 0, 'input/late.csv')")  # fmt: skip
    await shop.load("early.csv", ORDER)
    await shop.load("late.csv", ORDER.replace("5.00", "6.00"))
    async with shop.sessions() as session:
        live = await live_imports(session)
    assert [(entry.import_id, entry.data_version) for entry in live] == [(2, 1), (1, 2)]
    await lakes.check(shop)
    assert lakes.winners(shop, [2, 1])[0][4] == Decimal("6.0000")


async def test_an_older_version_of_a_deleted_order_does_not_come_back(shop: Shop) -> None:
    await shop.load("a.csv", ORDER.replace("C1", "BOB") + "O2,BOB,2024-01-10,1,EUR,completed\n")
    await shop.load("b.csv", ORDER.replace("C1", "EVA"))
    await erase_now(shop.sessions, shop.settings, "EVA", "cli")  # as the gateway does, in no lake
    async with shop.sessions() as session:
        assert [entry.in_lake for entry in await live_imports(session)] == [False, False]
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    await lakes.check(shop)
    assert [row[1] for row in lakes.winners(shop, [1, 2])] == ["O2"]
    async with shop.sessions() as session:
        done = await run_sql(
            session, "SELECT state, removed ->> 'lake_files_rewritten' FROM erasures"
        )
        assert tuple(done.one()) == ("finished", None)  # the deleted orders had been all


async def test_an_erasure_that_a_kill_cut_off_is_carried_out_in_the_lake(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.load("a.csv", ORDER + "O2,C2,2024-01-10,1,EUR,completed\n")
    await shop.load("b.csv", ORDER.replace("C1", "C2"))
    with monkeypatch.context() as patch:
        patch.setattr("ingest.lake.sync.Lake.forget", killed)
        with pytest.raises(KeyboardInterrupt):
            await erase(shop, "C1")
    assert named_in_files(shop, "C1") == ["import-1.parquet"]
    async with shop.sessions() as session:
        assert (await run_sql(session, "SELECT state FROM erasures")).scalar() == "requested"
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    assert named_in_files(shop, "C1") == []
    await lakes.check(shop)


async def test_an_erasure_waits_for_a_lake_that_is_away(shop: Shop) -> None:
    await shop.load("a.csv", ORDER)
    folder = lakes.path_of(shop, 1).parent
    folder.rename(folder.with_name("away"))
    with pytest.raises(UnavailableError, match="RFM_LAKE"):
        await erase(shop, "C1")
    async with shop.sessions() as session:
        assert (await run_sql(session, "SELECT state FROM erasures")).scalar() == "requested"
    folder.with_name("away").rename(folder)
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()
    assert named_in_files(shop, "C1") == []


def killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "leftover",
    [
        lambda folder: (folder / "import-77.parquet").write_bytes(b"of an import that rolled back"),
        lambda folder: (folder / ".writing-x").mkdir(),
    ],
    ids=["orphan", "unfinished"],
)
async def test_what_a_kill_left_is_removed(shop: Shop, leftover: Callable) -> None:
    await shop.load("a.csv", ORDER)
    leftover(lakes.path_of(shop, 0).parent)
    await upkeep(shop)
    assert lakes.files(shop) == ["import-1.parquet"]


async def test_imports_from_before_there_was_a_lake_are_brought_in_by_the_service(
    shop: Shop, settings: Settings, sessions: Sessions, redis: Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    without = Shop(settings, sessions, redis)
    await without.load("a.csv", ORDER + "O2,C2,2024-01-10,1,EUR,completed\n")
    await without.load("b.csv", ORDER.replace("5.00", "6.00"))
    assert lakes.files(shop) == []
    async with running(shop.settings, sessions, redis):
        drop(settings, "c.csv", ORDER.replace("5.00", "7.00"))
        await settled(sessions, 3)
        await eventually(lambda: all_there(shop), what="every import is in the lake")
    await lakes.check(shop)
    for _ in range(2):
        async with running(settings, sessions, redis):
            await eventually(lambda: none_there(shop), what="the lake is left")
    told = [line.getMessage() for line in caplog.records if "RFM_LAKE is not set" in line.message]
    assert told == [
        "RFM_LAKE is not set any more: erasures do not reach the lake's files of 3 imports;"
        " remove them"
    ]


async def all_there(shop: Shop) -> bool:
    async with shop.sessions() as session:
        return all(entry.in_lake for entry in await live_imports(session))


async def none_there(shop: Shop) -> bool:
    async with shop.sessions() as session:
        return not any(entry.in_lake for entry in await live_imports(session))


async def test_parts_of_a_large_file_become_one_file(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.lake.sync.PART_BYTES", 1000)
    lines = (f'"O\n{n}",C{n % 7},2024-01-10,{n}.00,EUR,completed\n' for n in range(500))
    await shop.load("a.csv", ORDERS_HEADER + "".join(lines))
    assert pl.read_parquet(lakes.path_of(shop, 1)).height == 500
    await lakes.check(shop)


async def test_two_databases_do_not_share_a_lake(
    shop: Shop, template: Template, tmp_path: Path
) -> None:
    await lake_of(shop).claim(shop.sessions)
    await shop.load("a.csv", ORDER)
    async with fresh(template, tmp_path / "other") as other:
        with_lake = {"RFM_LAKE": str(shop.settings.lake)}
        with (tmp_path / "log").open("wb") as log:
            process = await start("ingest", other, log, **with_lake)
            assert await process.wait() == 1
        said = (tmp_path / "log").read_text()
        assert f"{shop.settings.lake} has the orders of another database" in said
        assert "remove owner.parquet there" in said
        await upkeep(shop)
        await lake_of(shop).claim(shop.sessions)
        await lakes.check(shop)

        (lakes.path_of(shop, 0).parents[1] / "owner.parquet").unlink()
        async with open_sessions(other, "test") as sessions:
            await lake_of(shop).claim(sessions)
        with pytest.raises(UnavailableError, match="another database"):
            await lake_of(shop).claim(shop.sessions)


async def test_a_database_that_replaces_the_owner_writes_the_lake_anew(shop: Shop) -> None:
    """It may be older than the lake: what was deleted since is missing in files that it knows."""
    await lake_of(shop).claim(shop.sessions)
    await shop.load("a.csv", ORDER + "O2,C2,2024-01-10,1,EUR,completed\n")
    path = lakes.path_of(shop, 1)
    pl.read_parquet(path).head(1).write_parquet(path)
    (path.parents[1] / "owner.parquet").unlink()
    await lake_of(shop).claim(shop.sessions)
    await upkeep(shop)
    await lakes.check(shop)


async def test_deleting_costs_nothing_without_a_lake(settings: Settings, shop: Shop) -> None:
    without = Shop(settings, shop.sessions, shop.redis)
    await without.load("rfm-demo-a.csv", ORDER)
    await remove_demo(shop.sessions, settings)
    async with shop.sessions() as session, session.begin():
        await lock(session, AdvisoryLock.LOAD)
        assert (await run_sql(session, "SELECT count(*) FROM lake_removals")).scalar() == 0


def test_names_are_urls_with_the_scheme_of_the_lake() -> None:
    assert order_file("file:///lake", 7) == "file:///lake/orders/import-7.parquet"
    assert order_file("s3a://bucket/a", 7) == "s3a://bucket/a/orders/import-7.parquet"


@pytest.mark.parametrize("lake", ["/lake", "s3://b/c", "file://lake", "file:///a*", "hdfs://h/x"])
def test_a_lake_that_nobody_can_read_is_refused_by_name(lake: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)RFM_LAKE.*file:///folder or s3a://bucket/prefix"):
        Settings(_env_file=None, RFM_LAKE=lake)  # type: ignore[call-arg]
