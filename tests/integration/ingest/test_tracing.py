"""A file can be followed through the logs: one line for people, ids for whoever looks closer."""

import logging

import pytest

from rfm_common import bus
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop

ORDER = ORDERS_HEADER + "O1,C1,2024-01-10,5.00,EUR,completed\n"


async def test_each_file_has_one_line(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rfm")
    await shop.load("orders.csv", ORDER)
    await shop.load("again.csv", ORDER)
    await shop.load("broken.csv", "nothing\n")
    told = [line.getMessage().partition(":")[0] for line in caplog.records]
    assert told == ["orders.csv", "again.csv", "broken.csv"]


async def test_an_event_is_logged_with_its_id_and_what_it_is_about(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "rfm")
    row = await shop.load("orders.csv", ORDER)
    [(stream_id, event)] = [
        entry for entry in await bus.read(shop.redis, "0-0") if entry[1].type == "import.finished"
    ]
    [line] = [line for line in caplog.records if line.getMessage() == "import.finished announced"]
    told = line.__dict__
    assert told["event_id"] == stream_id
    assert told["import_id"] == row.import_id
    assert told["data_version"] == row.data_version == event.data()["data_version"]
