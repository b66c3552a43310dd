"""Who bought once, and lately: New Customers, whatever the cluster they are in is called. Pure.

A cluster holds customers who are alike, but not only such: among people of whom half came back
are some who bought for the first time last week. No name of such a cluster is true of them.
"""

NEW = "New Customers"
LATELY = 30
"""Days; fewer where the median buyer ordered more recently. A model keeps its own number."""
SETTLED = ("Loyal Customers", "Need Attention", "At Risk", "Hibernating")
"""Names that speak of coming back or of silence. Whoever bought once does neither yet."""


def segment_with_firsts(fresh_days: int, recency_days: int, frequency: int, segment: str) -> str:
    """The segment of a customer of a cluster of that name."""
    is_first = frequency == 1 and recency_days <= fresh_days and segment in SETTLED
    return NEW if is_first else segment
