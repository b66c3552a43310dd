"""What every chart needs to know of a snapshot: its sampled customers, axes and colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.kit.guide import rank
from gateway.kit.schemas import Answer

PlotType = Literal["frequency_monetary", "recency_frequency", "recency_monetary"]
AXES: dict[str, tuple[str, str]] = {
    "frequency_monetary": ("frequency", "monetary"),
    "recency_frequency": ("recency_days", "frequency"),
    "recency_monetary": ("recency_days", "monetary"),
}
# Distinct for every common kind of colour blindness; those of app.css on a light page.
COLOURS = {
    "Champions": "#222fb8",
    "Loyal Customers": "#3194f5",
    "Big Spenders": "#06a785",
    "Potential Loyalists": "#03727e",
    "Need Attention": "#9d7b00",
    "At Risk": "#e07557",
    "Hibernating": "#b881b8",
    "Lost": "#3b353f",
    "New Customers": "#7ccf3f",
    "Prospects": "#c3c9d0",
}
OTHER = "#7a7f87"
SYMBOLS = ("star", "circle", "diamond", "triangle-up", "square", "triangle-down", "hexagon", "x")
"""Plotly's names of the marks, by a segment's rank."""


def symbol(segment_name: str) -> str:
    """The mark of a segment, the same in every chart."""
    return SYMBOLS[rank(segment_name) % len(SYMBOLS)]


class Point(Answer):
    """One customer of the sample."""

    customer_id: str
    recency_days: int
    frequency: int
    monetary: float
    cluster_id: int
    segment_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """At most 3,000 customers of a snapshot, stratified by cluster, the same at each look."""

    points: Sequence[Point]
    customers: int
    calc_date: datetime
    window_days: int
    base_currency: str | None

    def by_segment(self) -> dict[str, list[Point]]:
        """The points of each segment, in one order of segments for all charts."""
        names = sorted(sorted({point.segment_name for point in self.points}), key=rank)
        return {name: [p for p in self.points if p.segment_name == name] for name in names}

    @property
    def note(self) -> str:
        """How much of the snapshot is drawn."""
        drawn = len(self.points)
        if drawn >= self.customers:
            return f"all {self.customers:,} customers"
        return f"a sample of {drawn:,} of {self.customers:,} customers, drawn from every cluster"

    @property
    def subtitle(self) -> str:
        """Date, window and the note in one line."""
        return f"scores of {self.calc_date:%Y-%m-%d}, {self.window_days} days; {self.note}"

    def label(self, field: str) -> str:
        """The title of an axis, with its unit."""
        currency = f", {self.base_currency}" if self.base_currency else ""
        return {
            "recency_days": "Days since the last order",
            "frequency": "Orders in the window",
            "monetary": f"Spent in the window{currency}",
        }[field]


def title(plot_type: str) -> str:
    """`frequency_monetary` in words."""
    return plot_type.replace("_", " and ").capitalize()
