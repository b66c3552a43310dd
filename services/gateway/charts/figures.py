"""Interactive figures by plotly, as JSON for its script, and that script itself."""

import base64
import functools
import gzip
import hashlib
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from gateway.charts.points import AXES, COLOURS, OTHER, PlotType, Point, Sample, symbol, title


def scatter(sample: Sample, plot_type: PlotType) -> str:
    """Two dimensions, a trace per segment."""
    x, y = AXES[plot_type]
    figure = go.Figure(layout={**_layout(sample, title(plot_type)), "hovermode": "closest"})
    for name, points in sample.by_segment().items():
        drawn = _drawable(points)
        figure.add_scatter(
            x=[getattr(point, x) for point in drawn],
            y=[getattr(point, y) for point in drawn],
            **_trace(name, drawn, {"size": 7, "symbol": symbol(name)}),
        )
    figure.update_xaxes(title_text=sample.label(x), type=_scale(x))
    figure.update_yaxes(title_text=sample.label(y), type=_scale(y))
    return str(figure.to_json())


def space(sample: Sample) -> str:
    """Recency, frequency and monetary in three dimensions, a trace per segment."""
    figure = go.Figure(layout=_layout(sample, "Recency, frequency and monetary"))
    for name, points in sample.by_segment().items():
        drawn = _drawable(points)
        figure.add_scatter3d(
            x=[point.recency_days for point in drawn],
            y=[point.frequency for point in drawn],
            z=[point.monetary for point in drawn],
            **_trace(name, drawn, {"size": 3}),
        )
    fields = {"xaxis": "recency_days", "yaxis": "frequency", "zaxis": "monetary"}
    axes = {
        axis: {"title": {"text": sample.label(field)}, "type": _scale(field)}
        for axis, field in fields.items()
    }
    far = {"eye": {"x": 1.6, "y": 1.6, "z": 1.1}}
    figure.update_layout(scene={**axes, "aspectmode": "cube", "camera": far})
    return str(figure.to_json())


def _drawable(points: list[Point]) -> list[Point]:
    """Those that a logarithmic axis has a place for."""
    return [point for point in points if point.frequency > 0 and point.monetary > 0]


def _scale(field: str) -> str:
    return "linear" if field == "recency_days" else "log"


def _trace(name: str, points: list[Point], marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "mode": "markers",
        "name": escape(name),
        # Plotly reads a little HTML in texts; ids come from files.
        "text": [
            f"<b>{escape(p.customer_id)}</b><br>{p.recency_days} days, {p.frequency} orders,"
            f" {p.monetary:,.2f}<br>cluster {p.cluster_id}"
            for p in points
        ],
        "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
        "marker": {"color": COLOURS.get(name, OTHER), "opacity": 0.7, **marker},
    }


def _layout(sample: Sample, heading: str) -> dict[str, Any]:
    hidden = sum(point.frequency <= 0 or point.monetary <= 0 for point in sample.points)
    note = f"; {hidden:,} of them without money in the window are not drawn" if hidden else ""
    return {
        "template": "none",
        "title": {"text": heading, "subtitle": {"text": escape(sample.subtitle + note)}},
        "legend": {"itemsizing": "constant"},
        "margin": {"l": 70, "r": 20, "t": 80, "b": 60},
    }


@functools.cache
def script() -> bytes:
    """Plotly's own script out of its package, compressed with gzip."""
    return gzip.compress(get_plotlyjs().encode(), 6, mtime=0)


@functools.cache
def script_source() -> dict[str, str]:
    """Where a browser gets the same bytes from, the local copy being the fallback."""
    version = get_plotlyjs_version()
    digest = hashlib.sha384(get_plotlyjs().encode()).digest()
    return {
        "cdn": f"https://cdn.plot.ly/plotly-{version}.min.js",
        "integrity": f"sha384-{base64.b64encode(digest).decode()}",
        "local": f"/visualization/plotly.js?v={version}",
    }
