"""Synthetic data of any size: seeded, streamed, skewed like real shops.

A few customers buy most of the time, amounts are lognormal around each customer's own level,
and everyone has a first and a last day, so recency, frequency and money differ and hang together.
Drawing from tables that are made once keeps a row at a few microseconds.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from rfm_common.demo.lines import CUSTOMER_HEADER, ORDER_HEADER, rate_lines, write_lines

DAYS = 730
"""Orders fall on this many days, `until` being the last."""

_COUNTRIES = (
    ("DE", "EUR"),
    ("FR", "EUR"),
    ("ES", "EUR"),
    ("NL", "EUR"),
    ("US", "USD"),
    ("GB", "GBP"),
)
_COUNTRY_WEIGHTS = (30, 18, 12, 10, 18, 12)
_STATUSES = ("completed",) * 95 + ("cancelled",) * 3 + ("refunded",) * 2
_TABLE = 1 << 14
_MIX = 0x9E3779B1  # spreads neighbouring numbers over the table
_SKEW = 2.5  # a fifth of the customers place half of the orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What to make: exact numbers of rows, the seed, and the last day."""

    customers: int
    orders: int
    seed: int
    until: date


@dataclass(frozen=True, slots=True)
class _Profile:
    """What a customer is like; customers share a few thousand of them."""

    country: str
    currency: str
    level: float
    first_day: int
    days: int


def write_dataset(
    folder: Path, size: Size, progress: Callable[[int], object] = lambda _rows: None
) -> list[Path]:
    """Write customers.csv, orders.csv and exchange_rates.csv; returns their paths.

    Memory does not depend on the size. `progress` is told how many rows were just written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "exchange_rates.csv": rate_lines(),
        "customers.csv": customer_lines(size),
        "orders.csv": order_lines(size),
    }
    for name, lines in files.items():
        write_lines(folder / name, lines, progress)
    return [folder / name for name in files]


def customer_lines(size: Size) -> Iterator[str]:
    """A header and a row per customer, who signed up on the first day of their profile."""
    profiles, days = _profiles(size.seed), _days(size.until)
    yield CUSTOMER_HEADER
    for number in range(size.customers):
        profile = profiles[_place(number)]
        created = days[profile.first_day]
        yield f"C{number:08d},customer{number}@example.com,{profile.country},{created}\n"


def order_lines(size: Size) -> Iterator[str]:
    """A header and a row per order, in no order at all."""
    random = Random(f"orders {size.seed}").random  # noqa: S311 - not a secret
    profiles, days = _profiles(size.seed), _days(size.until)
    amounts, times = _amounts(size.seed), _times(size.seed)
    count, step = size.customers, _coprime(size.customers)
    yield ORDER_HEADER
    for number in range(size.orders if count else 0):
        customer = int(count * random() ** _SKEW) * step % count
        profile = profiles[_place(customer)]
        day = days[profile.first_day + int(profile.days * random())]
        amount = profile.level * amounts[int(_TABLE * random())]
        time = times[int(_TABLE * random())]
        yield (
            f"O{number:09d},C{customer:08d},{day}T{time},{amount:.2f},{profile.currency},"
            f"{_STATUSES[int(100 * random())]}\n"
        )


def _place(number: int) -> int:
    return number * _MIX % _TABLE


def _coprime(count: int) -> int:
    """A step that visits every customer: numbers then say nothing about who buys most."""
    step = int(count * 0.618) or 1
    while math.gcd(step, count) > 1:
        step += 1
    return step


def _profiles(seed: int) -> list[_Profile]:
    random = Random(f"profiles {seed}")  # noqa: S311
    return [_profile(random) for _ in range(_TABLE)]


def _profile(random: Random) -> _Profile:
    country, currency = random.choices(_COUNTRIES, _COUNTRY_WEIGHTS)[0]
    first = int(DAYS * random.random())
    stays = random.random() < 0.5  # the others leave some day
    days = DAYS - first if stays else random.randint(1, DAYS - first)
    return _Profile(country, currency, random.lognormvariate(3.7, 0.6), first, days)


def _days(until: date) -> list[str]:
    first = until - timedelta(days=DAYS - 1)
    return [(first + timedelta(days=day)).isoformat() for day in range(DAYS)]


def _amounts(seed: int) -> list[float]:
    random = Random(f"amounts {seed}")  # noqa: S311
    return [random.lognormvariate(0, 0.5) for _ in range(_TABLE)]


def _times(seed: int) -> list[str]:
    random = Random(f"times {seed}")  # noqa: S311
    seconds = (int(random.triangular(0, 86_400, 70_000)) for _ in range(_TABLE))
    return [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in seconds]
