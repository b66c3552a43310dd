"""What the tables have in common: names of constraints, types of columns, server defaults."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    MetaData,
    Numeric,
    Text,
    text,
)
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

MONEY_DIGITS = 18
MONEY_SCALE = 4


def enum_column(values: type[StrEnum]) -> Enum:
    """Store the value as plain text: a new member then needs no ALTER TYPE."""
    return Enum(
        values, native_enum=False, create_constraint=False, length=32,
        values_callable=lambda members: [member.value for member in members],
    )  # fmt: skip


def id_text() -> Text:
    """An id, compared byte by byte."""
    return Text(collation="C")


def money() -> Numeric[Decimal]:
    """An amount, exact to a hundredth of a cent."""
    return Numeric(MONEY_DIGITS, MONEY_SCALE)


def timestamptz() -> DateTime:
    """A moment with its zone."""
    return DateTime(timezone=True)


def run_key() -> Column[int]:
    """A key that is, or begins with, a run: the row goes when the run goes."""
    run = ForeignKey("scoring_runs.run_id", ondelete="CASCADE")
    return Column(BigInteger, run, primary_key=True)


NOW: dict[str, Any] = {"server_default": text("now()")}
ZERO: dict[str, Any] = {"server_default": text("0")}
FALSE: dict[str, Any] = {"server_default": text("false")}
DICT: dict[str, Any] = {"server_default": text("'{}'")}
LIST: dict[str, Any] = {"server_default": text("'[]'")}
