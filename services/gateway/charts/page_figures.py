"""Charts as Plotly's JSON: plain data, colours as names of CSS variables. Pure.

The browser resolves `var(--...)` from the style sheet, so one answer serves both themes.
Texts from files are escaped here, for Plotly reads a little HTML in texts.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from gateway.charts.points import Point, symbol
from gateway.customers.schemas import OrderRow
from gateway.kit.guide import guide, rank
from gateway.kit.numbers import Numbers
from gateway.segments.figures import Segment

Figure = dict[str, Any]


def colour(segment_name: str) -> str:
    """The CSS variable of a segment."""
    return f"var(--seg-{guide(segment_name).slug}, var(--muted))"


def scatter(sample: Sequence[Point], numbers: Numbers) -> Figure:
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
                    "symbol": symbol(name),
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


def trend(
    snapshots: Sequence[tuple[datetime, list[Segment]]],
    breaks: Sequence[datetime],
    numbers: Numbers,
) -> Figure:
    """Share of customers per segment over the snapshots, a line each.

    A dotted line stands where the settings changed (`breaks`).
    """
    names = {segment.name for _, segments in snapshots for segment in segments}

    def day(moment: datetime) -> str:
        return moment.astimezone(numbers.zone).date().isoformat()

    days = [day(moment) for moment, _ in snapshots]

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
                "marker": {"symbol": symbol(name), "size": 7},
            }
            for name in sorted(names, key=rank)
        ],
        "layout": {
            "separators": numbers.separators,
            "hovermode": "x unified",
            "xaxis": {"type": "date", "tickformat": "%-d %b\n%Y", "nticks": 6},
            "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
            "shapes": [_dotted(day(moment)) for moment in breaks],
        },
    }


def _dotted(day: str) -> Figure:
    """A line from top to bottom."""
    line = {"color": "var(--muted)", "width": 1, "dash": "dot"}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": day, "x1": day, "line": line}


def timeline(orders: Sequence[OrderRow], numbers: Numbers) -> Figure:
    """A stem per order; those that do not count are hollow."""

    def stems(chosen: list[OrderRow]) -> tuple[list[str | None], list[float | None]]:
        days = [order.order_date.astimezone(numbers.zone).isoformat() for order in chosen]
        amounts = [float(order.order_amount) for order in chosen]
        return (
            [x for day in days for x in (day, day, None)],
            [y for amount in amounts for y in (0.0, amount, None)],
        )

    def trace(chosen: list[OrderRow], name: str, symbol: str, ink: str) -> Figure:
        x, y = stems(chosen)
        texts = [
            escape(f"{order.order_id}, {order.status_word or order.status}") for order in chosen
        ]
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": x,
            "y": y,
            "text": [text for item in texts for text in (item, item, "")],
            "hovertemplate": "%{text}<br>%{x|%-d %b %Y}: %{y:,.2f}<extra></extra>",
            "line": {"color": ink, "width": 2},
            "marker": {
                "symbol": symbol,
                "color": ink,
                "size": [size for _ in chosen for size in (0, 9, 0)],
            },
        }

    counted = [order for order in orders if order.is_counted]
    others = [order for order in orders if not order.is_counted]
    traces = [
        trace(counted, "counted", "circle", "var(--accent)"),
        trace(others, "not counted", "circle-open", "var(--muted)"),
    ]
    return {
        "data": [item for item in traces if item["x"]],
        "layout": {
            "separators": numbers.separators,
            "xaxis": {"type": "date", "tickformat": "%-d %b\n%Y", "nticks": 6},
            "yaxis": {"title": {"text": "Amount, each in its currency"}, "rangemode": "tozero"},
        },
    }
