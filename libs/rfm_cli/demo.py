"""`rfm demo`: the demo shop in the watched folder, and what it goes on to sell."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random

from rfm_common.demo import PREFIX, drop_shop, write_lines
from rfm_common.demo.shop import Customer, live_orders, order_file

LIVE_SECONDS = 20

Say = Callable[[str], object]


def drop_live(folder: Path, known: list[Customer], now: datetime, say: Say) -> None:
    """Write one small file: what the shop sold in the last seconds."""
    count = Random(f"{now}").randint(10, 60)  # noqa: S311
    name = f"{PREFIX}orders-live-{now:%Y%m%d-%H%M%S}.csv"
    write_lines(folder / name, order_file(live_orders(known, now, count)))
    say(f"dropped {name} ({count} rows)")


async def drop_demo(folder: Path, clock: Callable[[], datetime], say: Say) -> list[Customer]:
    """Drop the shop; returns its customers."""
    return await asyncio.to_thread(drop_shop, folder, clock(), say)


async def sell(
    folder: Path, known: list[Customer], clock: Callable[[], datetime], say: Say
) -> None:
    """Drop a small file of orders every LIVE_SECONDS, until cancelled."""
    while True:
        await asyncio.sleep(LIVE_SECONDS)
        await asyncio.to_thread(drop_live, folder, known, clock(), say)
