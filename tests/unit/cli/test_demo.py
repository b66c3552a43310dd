"""The demo's files in the watched folder."""

import asyncio
import csv
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rfm_cli import demo
from rfm_cli.demo import drop_demo, drop_live, sell
from rfm_common.demo import drop_shop, shop
from rfm_common.demo.shop import customers

NOW = datetime(2026, 3, 2, 9, 30)  # noqa: DTZ001 - the shop's own clock


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data") / "input"
    drop_shop(made, NOW, lambda _words: None)
    return made


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


def test_one_file_of_orders_per_year_and_nothing_half_written(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "rfm-demo-customers.csv",
        "rfm-demo-exchange-rates.csv",
        "rfm-demo-orders-2024.csv",
        "rfm-demo-orders-2025.csv",
        "rfm-demo-orders-2026.csv",
    ]


def test_a_file_of_a_year_holds_that_year_by_time(folder: Path) -> None:
    dates = [row[2] for row in rows(folder / "rfm-demo-orders-2025.csv")]
    assert {date[:4] for date in dates} == {"2025"}
    assert dates == sorted(dates)


def test_broken_rows_are_few_enough_to_load_the_rest(folder: Path) -> None:
    current = rows(folder / "rfm-demo-orders-2026.csv")
    broken = [row for row in current if len(row) != 6 or not row[0] or not row[1]]
    assert 0 < len(broken) < 0.01 * len(current)


def test_dropping_the_shop_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    drop_shop(tmp_path, NOW, said.append)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert len(said) == 5
    assert said[1].startswith("dropped rfm-demo-customers.csv (")


def test_live_files_have_names_of_their_own(tmp_path: Path) -> None:
    drop_live(tmp_path, list(customers(NOW)), NOW, lambda _words: None)
    (live,) = tmp_path.glob("rfm-demo-orders-live-*.csv")
    assert live.name == "rfm-demo-orders-live-20260302-093000.csv"
    assert 10 <= len(rows(live)) <= 60


async def test_live_goes_on_until_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "LIVE_SECONDS", 0.01)
    monkeypatch.setattr(shop, "YEARS", timedelta(days=60))  # one file of orders
    moments = (NOW.replace(second=second) for second in range(60))
    said: list[str] = []
    enough = asyncio.Event()

    def say(words: str) -> None:
        said.append(words)
        if len(said) == 4 + 3:
            loop.call_soon_threadsafe(enough.set)

    loop = asyncio.get_running_loop()
    known = await drop_demo(tmp_path, lambda: next(moments), say)
    running = asyncio.create_task(sell(tmp_path, known, lambda: next(moments), say))
    await asyncio.wait_for(enough.wait(), 60)
    running.cancel()
    kinds = Counter("live" if "-live-" in words else "shop" for words in said)
    assert kinds["shop"] == 4
    assert kinds["live"] >= 3
