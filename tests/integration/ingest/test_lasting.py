"""Each import reads with the settings that are stored when it begins, without a restart."""

from datetime import UTC, datetime

import pytest

from rfm_common.db import run_sql
from rfm_common.lasting_store import change
from rfm_common.models import ImportState
from tests.integration.ingest.dropping import ORDERS_HEADER


async def store(shop, **wanted: object) -> None:
    async with shop.sessions() as session, session.begin():
        await change(session, shop.settings, wanted, "test")


async def moments(shop) -> dict[str, datetime]:
    async with shop.sessions() as session:
        rows = await run_sql(session, "SELECT order_id, order_date FROM orders")
        return {row[0]: row[1] for row in rows}


def line(number: int, date: str = "2024-07-01 12:00:00", status: str = "completed") -> str:
    return f"{ORDERS_HEADER}O{number},C1,{date},5.00,EUR,{status}\n"


@pytest.mark.parametrize(
    ("zone", "hour"), [("Europe/Berlin", 10), ("America/New_York", 16), ("Asia/Kolkata", 6)]
)
async def test_dates_are_read_on_the_clock_of_now(shop, zone, hour) -> None:
    await shop.load("a.csv", line(1))
    await store(shop, timezone=zone)
    await shop.load("b.csv", line(2))
    await store(shop, timezone=None)
    await shop.load("c.csv", line(3))
    minute = 30 if zone == "Asia/Kolkata" else 0
    assert await moments(shop) == {
        "O1": datetime(2024, 7, 1, 12, tzinfo=UTC),
        "O2": datetime(2024, 7, 1, hour, minute, tzinfo=UTC),
        "O3": datetime(2024, 7, 1, 12, tzinfo=UTC),
    }


async def test_statuses_that_are_listed_are_not_asked_about(shop) -> None:
    held = await shop.load("a.csv", line(1, status="zorbed"))
    assert held.state is ImportState.NEEDS_DECISION
    await store(shop, counted_statuses=["zorbed"])
    assert (await shop.load("b.csv", line(2, status="Zorbed"))).state is ImportState.LOADED
    await store(shop, counted_statuses=None)
    again = await shop.load("c.csv", line(3, status="zorbed"))
    assert again.state is ImportState.NEEDS_DECISION


async def test_the_environment_wins_over_what_is_stored(shop, settings) -> None:
    await store(shop, timezone="Asia/Tokyo")
    shop.importer._settings = settings.model_copy(update={"timezone": "Europe/Berlin"})
    await shop.load("a.csv", line(1))
    assert await moments(shop) == {"O1": datetime(2024, 7, 1, 10, tzinfo=UTC)}
