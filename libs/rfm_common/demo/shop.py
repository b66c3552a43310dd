"""The demo shop: a believable two years of orders that end now.

Everything follows from the calendar: the customers of a week, and all that one of them ever buys,
come from seeds made of that week. Asking again tomorrow gives the same rows and those of one more
day, so loading the shop twice doubles nothing. Every id begins with `DEMO-`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from rfm_common.demo.lines import CUSTOMER_HEADER, ORDER_HEADER

GUEST = "guest"
"""What the shop writes for everyone who buys without an account: no customer, to the reader."""

YEARS = timedelta(days=730)
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)

_SEASON = (0.80, 0.80, 0.90, 0.95, 1.00, 0.90, 0.85, 0.80, 0.95, 1.05, 1.45, 1.50)
_WEEKDAYS = (1.10, 1.00, 0.95, 0.95, 0.90, 0.85, 1.20)
_BUSIEST = max(_SEASON) * max(_WEEKDAYS)
_CUSTOMERS_A_WEEK = 46
_CAMPAIGN_WEEKS = 13  # every so many weeks a campaign brings people who rarely come back

_COUNTRIES = ("DE", "FR", "ES", "NL", "AT", "IT", "US", "GB")
_COUNTRY_WEIGHTS = (26, 16, 10, 9, 5, 6, 17, 11)
CURRENCIES = {"US": ("USD", 1.09), "GB": ("GBP", 0.86)}

_FIRST_NAMES = (
    "anna", "ben", "carla", "david", "elena", "felix", "grace",
    "hugo", "ines", "jonas", "karla", "leo", "maria", "noah",
    "olivia", "paul", "quentin", "rosa", "samuel", "tara", "ulrich",
    "vera", "walter", "yara", "zoe", "amir", "bianca", "chen",
    "daria", "emil",
)  # fmt: skip
_LAST_NAMES = (
    "becker", "bernard", "costa", "dupont", "evans", "fischer",
    "garcia", "hansen", "ivanova", "jansen", "keller", "lopez", "meyer",
    "novak", "olsen", "petit", "quinn", "rossi", "smith", "thomas",
    "urban", "vidal", "weber", "young", "zimmer", "moreau", "silva",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Habit:
    """How a kind of customer buys: orders a year, days until they leave, euro for an order."""

    weight: int
    orders_a_year: float
    days: float
    amount: float


_HABITS = (
    Habit(weight=14, orders_a_year=41, days=2000, amount=46),  # loyal
    Habit(weight=6, orders_a_year=13, days=1500, amount=260),  # big spenders
    Habit(weight=24, orders_a_year=17, days=900, amount=40),  # regular
    Habit(weight=16, orders_a_year=24, days=150, amount=52),  # keen, then gone
    Habit(weight=40, orders_a_year=4.5, days=250, amount=30),  # occasional
)
_CAMPAIGN_HABITS = (Habit(weight=1, orders_a_year=1.5, days=60, amount=22),)


@dataclass(frozen=True, slots=True)
class Customer:
    """Someone who joined; `number` is the part of the id behind its prefix."""

    number: str
    email: str
    country: str
    joined: datetime
    habit: Habit

    @property
    def customer_id(self) -> str:
        """The id in every file."""
        return f"DEMO-C{self.number}"

    def row(self) -> str:
        """A line of the customers file."""
        return f"{self.customer_id},{self.email},{self.country},{self.joined:%Y-%m-%d}\n"


@dataclass(frozen=True, slots=True)
class Order:
    """One line of an orders file."""

    order_id: str
    customer_id: str
    moment: datetime
    amount: float
    currency: str
    status: str

    def row(self) -> str:
        """A line of an orders file."""
        return (
            f"{self.order_id},{self.customer_id},{self.moment:%Y-%m-%dT%H:%M:%S},"
            f"{self.amount:.2f},{self.currency},{self.status}\n"
        )


def customers(now: datetime) -> Iterator[Customer]:
    """Everyone who joined in the two years before `now`, a date-time of the shop's clock."""
    week = _monday((now - YEARS).date())
    while week <= now.date():
        yield from (member for member in _cohort(week) if member.joined <= now)
        week += _WEEK


def orders(now: datetime) -> Iterator[Order]:
    """All orders of these customers and of guests until `now`."""
    for customer in customers(now):
        yield from _orders_of(customer, now)
    day = (now - YEARS).date()
    while day <= now.date():
        yield from (order for order in _guest_orders(day) if order.moment <= now)
        day += _DAY


def live_orders(known: list[Customer], now: datetime, count: int) -> Iterator[Order]:
    """A few orders of the last seconds, by customers picked at random."""
    random = Random(f"live {now:%Y-%m-%dT%H:%M:%S}")  # noqa: S311
    for number in range(count):
        customer = random.choice(known)
        order_id = f"DEMO-L{now:%y%m%d%H%M%S}-{number:03d}"
        moment = now - timedelta(seconds=random.random() * 20)
        yield _order(random, order_id, customer.customer_id, moment, customer)


def customer_file(now: datetime) -> Iterator[str]:
    """Header, customers, and two rows that no loader can accept."""
    yield CUSTOMER_HEADER
    yield from (customer.row() for customer in customers(now))
    yield ",nobody@example.com,DE,2025-03-01\n"
    yield "DEMO-C-BROKEN,broken@example.com,DE,2025-02-30\n"


def order_file(rows: Iterable[Order], broken: Iterable[str] = ()) -> Iterator[str]:
    """Header and orders, then rows with the kinds of damage that real exports have."""
    yield ORDER_HEADER
    yield from (order.row() for order in rows)
    yield from broken


def broken_rows(year: int) -> Iterator[str]:
    """Orders that cannot be read, each for another reason."""
    known = "DEMO-C-BROKEN"
    yield f"DEMO-O-B1,{known},{year}-01-05T10:00:00,twelve,EUR,completed\n"
    yield f"DEMO-O-B2,{known},{year}-02-30T10:00:00,12.00,EUR,completed\n"
    yield f"DEMO-O-B3,,{year}-01-07T10:00:00,18.50,EUR,completed\n"
    yield f",{known},{year}-01-08T10:00:00,29.90,EUR,completed\n"
    yield f"DEMO-O-B5,{known},{year}-01-09T10:00:00,9.90\n"


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _cohort(week: date) -> Iterator[Customer]:
    random = Random(f"rfm demo cohort {week}")  # noqa: S311
    campaign = week.toordinal() // 7 % _CAMPAIGN_WEEKS == 0
    expected = _CUSTOMERS_A_WEEK * (2 if campaign else 1) * _SEASON[week.month - 1] ** 0.5
    for number in range(round(expected * random.uniform(0.85, 1.15))):
        yield _customer(
            random, week, number, _CAMPAIGN_HABITS if campaign and number % 2 else _HABITS
        )


def _customer(random: Random, week: date, number: int, habits: tuple[Habit, ...]) -> Customer:
    midnight = datetime.combine(week, time.min)
    first, last = random.choice(_FIRST_NAMES), random.choice(_LAST_NAMES)
    return Customer(
        number=f"{week:%y%m%d}{number:03d}",
        email=f"{first}.{last}{random.randint(1, 9999)}@example.com",
        country=random.choices(_COUNTRIES, _COUNTRY_WEIGHTS)[0],
        joined=_at_shopping_hour(random, midnight + random.randrange(7) * _DAY),
        habit=random.choices(habits, [habit.weight for habit in habits])[0],
    )


def _orders_of(customer: Customer, now: datetime) -> Iterator[Order]:
    """One at joining, then at random intervals, fewer in quiet months, until they leave."""
    random = Random(f"rfm demo orders {customer.number}")  # noqa: S311
    left = customer.joined + timedelta(days=random.expovariate(1 / customer.habit.days))
    moment, number = customer.joined, 0
    while moment <= min(now, left):
        order_id = f"DEMO-O{customer.number}-{number:03d}"
        yield _order(random, order_id, customer.customer_id, moment, customer)
        moment, number = _next_moment(random, moment, customer.habit.orders_a_year), number + 1


def _next_moment(random: Random, last: datetime, orders_a_year: float) -> datetime:
    """Thinning: candidates at the busiest day's rate, kept as often as their day is busy."""
    moment = last
    while True:
        moment += timedelta(days=random.expovariate(orders_a_year * _BUSIEST / 365))
        busy = _SEASON[moment.month - 1] * _WEEKDAYS[moment.weekday()]
        if random.random() < busy / _BUSIEST:
            return max(_at_shopping_hour(random, moment), last + timedelta(hours=1))


def _guest_orders(day: date) -> Iterator[Order]:
    random = Random(f"rfm demo guests {day}")  # noqa: S311
    midnight = datetime.combine(day, time.min)
    for number in range(random.randint(0, 3)):
        moment = _at_shopping_hour(random, midnight)
        yield _order(random, f"DEMO-G{day:%y%m%d}-{number}", GUEST, moment)


def _order(
    random: Random, order_id: str, customer_id: str, moment: datetime, who: Customer | None = None
) -> Order:
    currency, rate = CURRENCIES.get(who.country if who else "", ("EUR", 1.0))
    typical = who.habit.amount if who else 35
    amount = typical * rate * random.lognormvariate(0, 0.45)
    status = random.choices(("completed", "cancelled", "refunded"), (93, 4, 3))[0]
    return Order(order_id, customer_id, moment, amount, currency, status)


def _at_shopping_hour(random: Random, day: datetime) -> datetime:
    midnight = datetime.combine(day.date(), time.min)
    return midnight + timedelta(hours=random.triangular(6, 24, 19))
