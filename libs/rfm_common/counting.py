"""Which orders count: the statuses that a file's words are translated into, and the condition.

`orders.status` is what a file's word means, `orders.status_word` the word where it is another one
(empty: the file gave none). An operator who lists words (RFM_COUNTED_STATUSES) decides by the
files' own words; otherwise orders count that are completed.
"""

from collections.abc import Collection

COMPLETED, CANCELLED, REFUNDED, PENDING = "completed", "cancelled", "refunded", "pending"
STATUSES = (COMPLETED, CANCELLED, REFUNDED, PENDING)
ABOUT_STATUS = "status."
"""Begins the key of the question about a word, and of its answer: one of STATUSES."""


def counted_by(listed: Collection[str], orders: str = "o") -> tuple[str, list[str]]:
    """SQL of what decides about an order of the table or alias, and the values that count.

    A blank status counts whatever the operator lists.
    """
    if not listed:
        return f"{orders}.status", [COMPLETED]
    return f"COALESCE({orders}.status_word, {orders}.status)", sorted({"", *listed})
