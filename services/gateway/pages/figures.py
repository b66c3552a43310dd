"""Charts as Plotly's JSON: plain data, colours as names of CSS variables. Pure.

The browser resolves `var(--...)` from the style sheet, so one answer serves both themes.
Texts from files are escaped here, for Plotly reads a little HTML in texts.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from gateway.pages.guide import guide, rank
from gateway.pages.numbers import Numbers
from gateway.queries.pages import Segment
from rfm_common.models import RunSample

Figure = dict[str, Any]
SYMBOLS = ("star", "circle", "diamond", "triangle-up", "square", "triangle-down", "hexagon", "x")


def colour(segment_name: str) -> str:
    """The CSS variable of a segment."""
    return f"var(--seg-{guide(segment_name).slug}, var(--muted))"


def scatter(sample: Sequence[RunSample], numbers: Numbers) -> Figure:
    """Days since the last order against money, a mark per customer, a trace per segment."""
    names = sorted({point.segment_name for point in sample}, key=rank)
    money = f"{numbers.currency or ''} %{{y:,.2f}}".strip()
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "name": escape(name),
                "x": [point.recency_days for point in points],
                "y": [float(point.monetary) for point in points],
                "text": [escape(point.customer_id) for point in points],
                "customdata": [point.frequency for point in points],
                "hovertemplate": f"<b>%{{text}}</b><br>%{{x}} days ago<br>{money}"
                "<br>%{customdata} orders<extra>%{fullData.name}</extra>",
                "marker": {
                    "color": colour(name),
                    "symbol": SYMBOLS[rank(name) % len(SYMBOLS)],
                    "size": 6,
                    "opacity": 0.7,
                },
            }
            for name in names
            if (points := [point for point in sample if point.segment_name == name])
        ],
        "layout": {
            "separators": numbers.separators,
            "xaxis": {"title": {"text": "Days since the last order"}, "rangemode": "tozero"},
            "yaxis": {
                "title": {"text": f"Revenue, {numbers.currency or 'log scale'}"},
                "type": "log",
                "dtick": 1,
            },
        },
    }


def trend(snapshots: Sequence[tuple[datetime, list[Segment]]], numbers: Numbers) -> Figure:
    """Share of customers per segment over the snapshots, a line each."""
    names = {segment.name for _, segments in snapshots for segment in segments}
    days = [moment.astimezone(numbers.zone).date().isoformat() for moment, _ in snapshots]

    def shares(name: str) -> list[float]:
        return [
            sum(segment.share for segment in segments if segment.name == name)
            for _, segments in snapshots
        ]

    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": escape(name),
                "x": days,
                "y": shares(name),
                "hovertemplate": "%{y:.1%}",
                "line": {"color": colour(name), "width": 2},
                "marker": {"symbol": SYMBOLS[rank(name) % len(SYMBOLS)], "size": 7},
            }
            for name in sorted(names, key=rank)
        ],
        "layout": {
            "separators": numbers.separators,
            "hovermode": "x unified",
            "xaxis": {"type": "date", "tickformat": "%-d %b\n%Y", "nticks": 6},
            "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
        },
    }
