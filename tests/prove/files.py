"""Random files of a shop from a seed, and what each of them must do to the tables."""

import hashlib
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from tests.prove.bugs.poison import POISON

DOMAIN = "prove.example"
"""Of every e-mail address, so that a leak can be searched for."""

SKEW = 3
"""Days by which the nemesis may set the clock back; an order of a later day would be refused."""

PERSONS = tuple(f"E{number:04d}" for number in range(12))
"""Customers who may be erased. Their orders are theirs alone and never change."""

ROUND = 20
"""Files, among which there is each kind."""

Kind = Literal["customers", "orders", "exchange_rates"]
OrderRow = tuple[str, str, datetime, Decimal, str, str]
CustomerRow = tuple[str, str, str, datetime]
RateRow = tuple[str, date, Decimal]
Row = OrderRow | CustomerRow | RateRow

HEADERS: dict[Kind, str] = {
    "orders": "order_id,customer_id,order_date,order_amount,currency,status",
    "customers": "customer_id,email,country,created_at",
    "exchange_rates": "currency,rate,valid_from",
}
STATUSES = ("completed", "completed", "completed", " Completed ", "refunded", "cancelled")


@dataclass(frozen=True)
class Dropped:
    """A file, and what must become of it when it is the first with these bytes."""

    name: str
    content: bytes
    kind: Kind | None
    """None: it must be quarantined."""
    rows: tuple[Row, ...] = ()
    """Accepted, in the order of the file; a later row wins."""
    rejected: int = 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Maker:
    """Makes one file after the other; the same seed makes the same files."""

    random: random.Random
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    made: list[Dropped] = field(default_factory=list)
    _order: int = 0
    _personal: int = 0

    def files(self) -> Iterator[Dropped]:
        """In rounds, of which each has every kind of file, shuffled."""
        makers = (self._orders, self._customers, self._rates, self._damaged, self._same_bytes,
                  self._same_name, self._undecodable, self._oddly_named)  # fmt: skip
        while True:
            for make in self.random.sample(makers, ROUND, counts=(9, 3, 1, 2, 1, 2, 1, 1)):
                if made := make(f"{len(self.made):05d}"):
                    self.made.append(made)
                    yield made

    def more_orders(self) -> Dropped:
        """A file of orders, whatever comes next."""
        made = self._orders(f"{len(self.made):05d}")
        self.made.append(made)
        return made

    def more_of_one_name(self, count: int) -> list[Dropped]:
        """Different files that all want the same name."""
        made = [self.more_orders() for _ in range(count)]
        return [replace(one, name=f"same-{made[0].name}") for one in made]

    def poison(self) -> Dropped:
        """A file that nobody survives reading."""
        number = self.random.randrange(10**9)
        return Dropped(f"poison-{number}.csv", POISON + f"{number}\n".encode(), None)

    def _undecodable(self, number: str) -> Dropped:
        """A name that is not UTF-8; several look the same."""
        byte = os.fsdecode(bytes([self.random.choice((0x80, 0xE4, 0xFC, 0xFF))]))
        name = self.random.choice((
            f"Bestell{byte}ng.csv", f"Kunden{byte}bersicht-{number}.csv", f"{byte}{byte}.csv",
        ))  # fmt: skip
        return replace(self._orders(number), name=name)

    def _oddly_named(self, number: str) -> Dropped:
        """A name that nobody expects, and that is allowed."""
        name = self.random.choice((
            f"two\nlines-{number}.csv", f"'; --\"{number}.csv", f"{number}-{70 * '注'}.csv",
        ))  # fmt: skip
        return replace(self._orders(number), name=name)

    def _orders(self, number: str) -> Dropped:
        rows = [self._order_row() for _ in range(self.random.randint(1, 60))]
        lines = [_order_line(row, self.random.choice(STATUSES)) for row in rows]
        accepted = [_with_status(row, line) for row, line in zip(rows, lines, strict=True)]
        rejected = 0
        if len(rows) >= 20 and self.random.random() < 0.3:
            at = self.random.randrange(len(lines))
            lines.insert(at, f"X{number},C1,2024-13-45,10.00,EUR,completed")
            rejected = 1
        return _file(f"orders-{number}.csv", "orders", lines, accepted, rejected)

    def _order_row(self) -> OrderRow:
        """A new order, or one in ten times an old one with other values, or one of a person.

        Refunds have ids that no other row has: they would get ids of their own beside their orders.
        """
        order, customer, least = self._whose()
        moment = datetime.combine(self.today, datetime.min.time(), UTC) - timedelta(
            days=self.random.randint(SKEW + 2, 400), seconds=self.random.randint(0, 86_399)
        )
        amount = Decimal(self.random.randint(least, 50_000)) / 100
        currency = self.random.choices(("EUR", "USD", "GBP", "JPY"), (80, 10, 8, 2))[0]
        return (order, customer, moment, amount, currency, "")

    def _whose(self) -> tuple[str, str, int]:
        """An order, its customer, and its least amount in cents."""
        if self.random.random() < 0.08:
            self._personal += 1
            return (f"P{self._personal}", self.random.choice((*PERSONS, "C1")), -500)
        customer = f"C{int(self.random.paretovariate(0.7)) % 200}"
        if self._order and self.random.random() < 0.1:
            return (f"O{self.random.randint(1, self._order)}", customer, 0)
        self._order += 1
        return (f"O{self._order}", customer, 0)

    def _customers(self, number: str) -> Dropped:
        everybody = [*(f"C{one}" for one in range(220)), *PERSONS]
        ids = self.random.sample(everybody, self.random.randint(1, 40))
        rows: list[CustomerRow] = [
            (
                one, f"person.{one}.{number}@{DOMAIN}",
                self.random.choice(("DE", "FR", "US")),
                datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=self.random.randint(0, 1000)),
            )
            for one in ids
        ]  # fmt: skip
        lines = [f"{row[0]},{row[1]},{row[2]},{row[3]:%Y-%m-%dT%H:%M:%SZ}" for row in rows]
        return _file(f"customers-{number}.csv", "customers", lines, rows)

    def _rates(self, number: str) -> Dropped:
        day = self.today - timedelta(days=self.random.randint(0, 500))
        rows: list[RateRow] = [
            (currency, day, Decimal(self.random.randint(5_000, 15_000)) / 10_000)
            for currency in self.random.sample(("USD", "GBP", "EUR"), 2)
        ]
        lines = [f"{row[0]},{row[2]},{row[1]}" for row in rows]
        return _file(f"rates-{number}.csv", "exchange_rates", lines, rows)

    def _damaged(self, number: str) -> Dropped:
        """Bytes that no reader may guess at; each is different, so each has its own verdict."""
        mail = f"leak{number}@{DOMAIN}"
        head = HEADERS["customers"]
        content = self.random.choice((
            f"customer_id,customer_id,email\nC1,C1,{mail}\n".encode(),
            f'{head}\nC1,"{mail},DE,2020-01-01\n'.encode(),
            f"{head}\nC1,{mail}\0,DE,2020-01-01\n".encode(),
            f"colour,nothing\nred {mail},1\n".encode(),
            "\n".join([HEADERS["orders"], *[f"{mail},C1,never,x,EUR,completed"] * 5]).encode(),
        ))  # fmt: skip
        return Dropped(f"damaged-{number}.csv", content, None)

    def _same_bytes(self, number: str) -> Dropped | None:
        """An earlier file's bytes under another name."""
        if not self.made:
            return None
        return replace(self.random.choice(self.made), name=f"again-{number}.csv")

    def _same_name(self, number: str) -> Dropped | None:
        """An earlier file's name with other bytes."""
        if not self.made:
            return None
        return replace(self._orders(number), name=self.random.choice(self.made).name)


def _order_line(row: OrderRow, status: str) -> str:
    return f"{row[0]},{row[1]},{row[2]:%Y-%m-%dT%H:%M:%SZ},{row[3]:.2f},{row[4]},{status}"


def _with_status(row: OrderRow, line: str) -> OrderRow:
    return (*row[:5], line.rsplit(",", 1)[1].strip().lower())


def _file(
    name: str, kind: Kind, lines: list[str], rows: Sequence[Row], rejected: int = 0
) -> Dropped:
    content = "\n".join([HEADERS[kind], *lines, ""]).encode()
    return Dropped(name, content, kind, tuple(rows), rejected)


def _key(kind: Kind | None, row: Row) -> tuple[object, ...]:
    return row[:2] if kind == "exchange_rates" else row[:1]


@dataclass
class Tables:
    """The tables as a shop would keep them on paper: accepted rows, one file after the other."""

    customers: dict[str, tuple[str | None, str | None, datetime | None]] = field(
        default_factory=dict
    )
    orders: dict[str, OrderRow] = field(default_factory=dict)
    rates: dict[tuple[str, date], Decimal] = field(default_factory=dict)

    def accept(self, dropped: Dropped) -> None:
        for row in {_key(dropped.kind, row): row for row in dropped.rows}.values():
            if dropped.kind == "customers":
                self.customers[row[0]] = (row[1], row[2], row[3])  # type: ignore[assignment]
            elif dropped.kind == "exchange_rates":
                self.rates[row[0], row[1]] = row[2]  # type: ignore[index,assignment]
            else:
                self.orders[row[0]] = row  # type: ignore[assignment]
                self.customers.setdefault(row[1], (None, None, None))  # type: ignore[arg-type]

    def forget(self, persons: set[str]) -> None:
        """Erase them."""
        self.orders = {key: row for key, row in self.orders.items() if row[1] not in persons}
        for person in persons:
            self.customers.pop(person, None)
