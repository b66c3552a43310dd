"""What the loader has to know about each kind's table."""

from dataclasses import dataclass

from rfm_common.models import Kind


@dataclass(frozen=True, slots=True)
class Target:
    """A table that files are merged into: its key and the columns that a file may fill."""

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    own: tuple[str, ...] = ()
    """Columns that no file fills: they stay as they are."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Key and values."""
        return self.key + self.values


TARGETS = {
    Kind.ORDERS: Target(
        "orders", ("order_id",),
        ("customer_id", "order_date", "order_amount", "currency", "status", "status_word",
         "known_as"),
    ),
    Kind.CUSTOMERS: Target(
        "customers", ("customer_id",), ("email", "country", "created_at"),
        own=("excluded_at", "joined_to"),
    ),
    Kind.EXCHANGE_RATES: Target("exchange_rates", ("currency", "valid_from"), ("rate",)),
}  # fmt: skip
