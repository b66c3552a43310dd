"""What was expected beside what came, as Plotly's JSON. Pure.

As in `gateway.charts`, colours are names of CSS variables, which the browser resolves.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from gateway.kit.numbers import Numbers
from gateway.values.schemas import Cut, Trust

Figure = dict[str, Any]


def tenths(trust: Trust, numbers: Numbers) -> Figure:
    """Two bars for each tenth."""
    places = list(range(1, len(trust.groups) + 1))
    expected = [group.expected_orders for group in trust.groups]
    came = [group.actual_orders for group in trust.groups]
    return {
        "data": [_bars("expected", places, expected, "x"), _bars("came", places, came, "")],
        "layout": {
            "separators": numbers.separators,
            "barmode": "group",
            "hovermode": "x unified",
            "xaxis": {"title": {"text": "Tenth of the customers"}, "dtick": 1},
            "yaxis": {"title": {"text": "Orders"}, "rangemode": "tozero"},
        },
    }


def _bars(name: str, x: Sequence[int], y: Sequence[float], pattern: str) -> Figure:
    ink = "var(--muted)" if pattern else "var(--accent)"
    return {
        "type": "bar", "name": name, "x": x, "y": y, "hovertemplate": "%{y:,.0f}",
        "marker": {"color": ink, "pattern": {"shape": pattern, "size": 6}},
    }  # fmt: skip


def weeks(cut: Cut, numbers: Numbers) -> Figure:
    """Two lines over the weeks after the cut."""
    days = [_first_day(cut, number) for number in range(len(cut.weeks))]
    expected, came = ([pair[place] for pair in cut.weeks] for place in (0, 1))
    return {
        "data": [
            _line("expected", days, expected, "var(--muted)", "dash", "circle-open"),
            _line("came", days, came, "var(--accent)", "solid", "circle"),
        ],
        "layout": {
            "separators": numbers.separators,
            "hovermode": "x unified",
            "xaxis": {"type": "date", "tickformat": "%-d %b\n%Y", "nticks": 6},
            "yaxis": {"title": {"text": "Orders a week"}, "rangemode": "tozero"},
        },
    }


def _first_day(cut: Cut, number: int) -> str:
    return str(cut.known_until + timedelta(days=1, weeks=number))


def _line(
    name: str, x: Sequence[str], y: Sequence[float], ink: str, dash: str, symbol: str
) -> Figure:
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": y,
        "hovertemplate": "%{y:,.0f}",
        "line": {"color": ink, "width": 2, "dash": dash}, "marker": {"symbol": symbol, "size": 7},
    }  # fmt: skip


def week_rows(cut: Cut) -> list[tuple[date, float, float]]:
    """First day of each week, orders expected, orders that came."""
    first = cut.known_until + timedelta(days=1)
    return [(first + timedelta(weeks=number), *pair) for number, pair in enumerate(cut.weeks)]
