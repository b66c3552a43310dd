"""The files' headers, the exchange rates, and writing lines so that nobody reads half a file."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

CUSTOMER_HEADER = "customer_id,email,country,created_at\n"
ORDER_HEADER = "order_id,customer_id,order_date,order_amount,currency,status\n"
RATE_HEADER = "currency,rate\n"
RATES = {"EUR": "1", "USD": "0.92", "GBP": "1.17"}

_ROWS_AT_ONCE = 20_000


def write_lines(
    path: Path, lines: Iterable[str], progress: Callable[[int], object] = lambda _rows: None
) -> int:
    """Write the lines beside the path, then rename into place; returns how many."""
    partial = path.with_name(f"{path.name}.part")
    remaining, written = iter(lines), 0
    with partial.open("w", encoding="utf-8", newline="") as file:
        while batch := list(islice(remaining, _ROWS_AT_ONCE)):
            file.write("".join(batch))
            written += len(batch)
            progress(len(batch))
    partial.replace(path)
    return written


def rate_lines() -> Iterator[str]:
    """A rate for each currency, in euro."""
    yield RATE_HEADER
    yield from (f"{currency},{rate}\n" for currency, rate in RATES.items())
