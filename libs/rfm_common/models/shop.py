"""The shop as its files tell it: customers, orders, exchange rates."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    Numeric,
    Text,
    column,
    func,
    text,
)
from sqlmodel import BigInteger, Field, SQLModel

from rfm_common.models.base import (
    id_text,
    money,
    timestamptz,
)

BEGINNING = date(1, 1, 1)
"""The `valid_from` of a rate that was given without one."""


class Customer(SQLModel, table=True):
    """A customer; one that only orders mention has no e-mail and no country."""

    __tablename__ = "customers"
    # Without the rows that only orders have made: those have neither.
    __table_args__ = (
        Index("ix_customers_country", "country", postgresql_where=text("country IS NOT NULL")),
        # Finds the beginning of an address, in any case and under any collation.
        Index(
            "ix_customers_email", func.lower(column("email")).label("beginning"),
            postgresql_ops={"beginning": "text_pattern_ops"},
            postgresql_where=text("email IS NOT NULL"),
        ),
        Index(
            "ix_customers_excluded", "customer_id",
            postgresql_where=text("excluded_at IS NOT NULL"),
        ),
        Index(
            "ix_customers_joined_to", "joined_to",
            postgresql_where=text("joined_to IS NOT NULL"),
        ),
    )  # fmt: skip

    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    email: str | None = Field(default=None, sa_type=Text)
    country: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_type=timestamptz())
    import_id: int | None = Field(default=None, sa_type=BigInteger)
    import_line: int | None = None
    excluded_at: datetime | None = Field(default=None, sa_type=timestamptz())
    """Since when a person keeps the customer out of scores; None: scored."""
    joined_to: str | None = Field(default=None, sa_type=id_text())
    """Of an address that some files name a customer by: the number by which others do. Such a row
    is no customer of its own and has no orders."""


class CustomerEmail(SQLModel, table=True):
    """An address that a file gives to a customer, besides those in `customers`: a file of orders,
    or an earlier file of customers."""

    __tablename__ = "customer_emails"
    __table_args__ = (
        Index("ix_customer_emails_customer_id", "customer_id"),
        Index("ix_customer_emails_import_id", "import_id"),
    )  # fmt: skip

    email: str = Field(sa_type=id_text(), primary_key=True)
    """In lower case, as an id."""
    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    import_id: int = Field(sa_type=BigInteger, primary_key=True)


class Order(SQLModel, table=True):
    """An order as the latest import told it."""

    __tablename__ = "orders"
    __table_args__ = (
        # All that R, F and M need, customer by customer: the group-by reads nothing else.
        Index(
            "ix_orders_customer_id_order_date", "customer_id", "order_date",
            postgresql_include=["order_amount", "currency", "status"],
        ),
        # A few pages whatever the size: rows of an import lie together.
        Index("ix_orders_import_id", "import_id", postgresql_using="brin"),
    )  # fmt: skip

    order_id: str = Field(sa_type=id_text(), primary_key=True)
    customer_id: str = Field(
        sa_column=Column(id_text(), ForeignKey("customers.customer_id"), nullable=False)
    )
    order_date: datetime = Field(sa_type=timestamptz())
    order_amount: Decimal = Field(sa_type=money())
    currency: str = Field(sa_type=Text)
    """ISO code in upper case; empty when the file named none: the shop's base currency."""
    status: str = Field(sa_type=Text)
    """`completed`, `cancelled`, `refunded` or `pending`; a word that nobody knows as it is."""
    status_word: str | None = Field(default=None, sa_type=Text)
    """What the file says, trimmed and lower case, where that is another word; empty: nothing."""
    known_as: str | None = Field(default=None, sa_type=id_text())
    """The address by which the file names the customer, where `customer_id` is their number."""
    import_id: int | None = Field(default=None, sa_type=BigInteger)
    import_line: int | None = None
    """The line of that import's file where the order stands."""


class ExchangeRate(SQLModel, table=True):
    """Base units for one unit of `currency`, from `valid_from` on."""

    __tablename__ = "exchange_rates"

    currency: str = Field(sa_type=Text, primary_key=True)
    valid_from: date = Field(default=BEGINNING, sa_type=Date, primary_key=True)
    rate: Decimal = Field(sa_type=Numeric(24, 12))
    import_id: int | None = Field(default=None, sa_type=BigInteger)
    import_line: int | None = None
