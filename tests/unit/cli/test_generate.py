"""Synthetic data: exactly as many rows as asked for, the same each time, skewed as shops are."""

import csv
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median

import pytest

from rfm_cli.generate import DAYS, Size, order_lines, write_dataset
from rfm_common.demo.lines import RATES, write_lines

UNTIL = date(2025, 12, 31)


def size(customers: int = 500, orders: int = 5_000, seed: int = 1, until: date = UNTIL) -> Size:
    return Size(customers=customers, orders=orders, seed=seed, until=until)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("data")
    return {path.stem: read(path) for path in write_dataset(folder, size())}


Dataset = dict[str, list[dict[str, str]]]


def test_exactly_the_rows_that_were_asked_for(dataset: Dataset) -> None:
    assert len(dataset["customers"]) == 500
    assert len(dataset["orders"]) == 5_000
    assert len({row["customer_id"] for row in dataset["customers"]}) == 500
    assert len({row["order_id"] for row in dataset["orders"]}) == 5_000


def test_every_order_belongs_to_a_customer_and_a_rate(dataset: Dataset) -> None:
    known = {row["customer_id"] for row in dataset["customers"]}
    assert {row["customer_id"] for row in dataset["orders"]} <= known
    assert {row["currency"] for row in dataset["exchange_rates"]} == set(RATES)
    assert {row["currency"] for row in dataset["orders"]} == set(RATES)


def test_a_customer_pays_in_one_currency(dataset: Dataset) -> None:
    pairs = {(row["customer_id"], row["currency"]) for row in dataset["orders"]}
    assert len(pairs) == len({customer for customer, _ in pairs})


def test_orders_lie_in_two_years_and_after_signing_up(dataset: Dataset) -> None:
    joined = {row["customer_id"]: row["created_at"] for row in dataset["customers"]}
    for row in dataset["orders"]:
        moment = datetime.fromisoformat(row["order_date"])
        assert UNTIL - timedelta(days=DAYS) < moment.date() <= UNTIL
        assert row["order_date"] >= joined[row["customer_id"]]


def test_few_customers_buy_much(dataset: Dataset) -> None:
    counts = sorted(Counter(row["customer_id"] for row in dataset["orders"]).values(), reverse=True)
    assert sum(counts[:100]) > 0.4 * 5_000, "a fifth of the customers place over 40 %"
    amounts = [float(row["order_amount"]) for row in dataset["orders"]]
    assert sum(amounts) / len(amounts) > 1.1 * median(amounts), "a few orders are large"


def test_some_orders_do_not_count(dataset: Dataset) -> None:
    statuses = Counter(row["status"] for row in dataset["orders"])
    assert statuses.keys() == {"completed", "cancelled", "refunded"}
    assert 0.9 < statuses["completed"] / 5_000 < 0.99


def written(folder: Path, wanted: Size) -> list[bytes]:
    return [path.read_bytes() for path in write_dataset(folder, wanted)]


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "a", size()) == written(tmp_path / "b", size())


@pytest.mark.parametrize("other", [size(seed=2), size(until=date(2024, 1, 1))])
def test_another_seed_or_day_gives_other_orders(tmp_path: Path, other: Size) -> None:
    assert written(tmp_path / "a", size())[2] != written(tmp_path / "b", other)[2]


def test_orders_come_one_by_one_however_many_there_are() -> None:
    endless = order_lines(size(customers=10**7, orders=10**12))
    header, first, second = islice(endless, 3)
    assert header == "order_id,customer_id,order_date,order_amount,currency,status\n"
    assert first.startswith("O000000000,")
    assert second.startswith("O000000001,")


@pytest.mark.parametrize("customers", [1, 2, 3, 7, 1024])
def test_any_number_of_customers_will_do(tmp_path: Path, customers: int) -> None:
    paths = write_dataset(tmp_path, size(customers=customers, orders=300))
    orders = read(paths[2])
    assert len(orders) == 300
    assert len(read(paths[1])) == customers
    assert len({row["customer_id"] for row in orders}) <= customers


def test_no_customers_place_no_orders() -> None:
    assert len(list(order_lines(size(customers=0, orders=10)))) == 1


def test_a_file_appears_whole_under_its_name(tmp_path: Path) -> None:
    seen: list[set[str]] = []

    def lines():
        yield "a\n"
        seen.append({path.name for path in tmp_path.iterdir()})
        yield "b\n"

    assert write_lines(tmp_path / "orders.csv", lines()) == 2
    assert seen == [{"orders.csv.part"}]
    assert (tmp_path / "orders.csv").read_text() == "a\nb\n"
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_progress_counts_every_line(tmp_path: Path) -> None:
    told: list[int] = []
    write_lines(tmp_path / "x.csv", (f"{n}\n" for n in range(50_001)), told.append)
    assert sum(told) == 50_001
    assert len(told) == 3
