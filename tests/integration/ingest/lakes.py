"""Read a lake as an engine does, by nothing but `rfm_common.lake`, and compare it to the table."""

from pathlib import Path

import polars as pl

from rfm_common.db import run_sql
from rfm_common.lake import live_imports, order_file
from tests.integration.ingest.dropping import Shop

TABLE = """
SELECT import_id, order_id, customer_id, order_date, order_amount, currency, status,
       COALESCE(status_word, status)
FROM orders ORDER BY order_id
"""


async def check(shop: Shop) -> None:
    """All files of live imports, the last commit of each order id, are the table `orders`."""
    async with shop.sessions() as session:
        live = await live_imports(session)
        table = [tuple(row) for row in await run_sql(session, TABLE)]
    assert [entry.import_id for entry in live if not entry.in_lake] == []
    assert winners(shop, [entry.import_id for entry in live]) == table


def winners(shop: Shop, import_ids: list[int]) -> list[tuple[object, ...]]:
    """The rows that count of these imports, given in the order in which they do."""
    frames = [pl.read_parquet(path_of(shop, number)) for number in import_ids]
    if not frames:
        return []
    last = pl.concat(frames).unique("order_id", keep="last", maintain_order=True)
    return last.sort("order_id").rows()


def path_of(shop: Shop, import_id: int) -> Path:
    return Path(order_file(str(shop.settings.lake), import_id).removeprefix("file://"))


def files(shop: Shop) -> list[str]:
    """Whatever lies in the lake's folder."""
    return sorted(path.name for path in path_of(shop, 0).parent.iterdir())
