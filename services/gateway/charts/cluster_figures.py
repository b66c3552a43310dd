"""The charts of the clusters page as Plotly's JSON. Pure, like `figures`."""

from collections.abc import Sequence
from html import escape

from gateway.charts.page_figures import Figure
from gateway.charts.points import Point
from gateway.kit.numbers import Numbers
from rfm_common.models import ScoringRun

COLOURS = 8
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star", "hexagon")
SPACE_SYMBOLS = ("circle", "square", "diamond", "cross", "circle-open", "square-open",
                 "diamond-open")  # fmt: skip
"""Those that Plotly draws in three dimensions without asking a font for them."""
SPACE_TITLES = {"xaxis": "Days", "yaxis": "Orders", "zaxis": "Revenue"}
AXES = {
    "r": ("recency_days", "Days since the last order", "linear"),
    "f": ("frequency", "Orders", "log"),
    "m": ("monetary", "Revenue", "log"),
}


def colour(cluster_id: int) -> str:
    """The CSS variable of a cluster."""
    return f"var(--cluster-{cluster_id % COLOURS})"


def scatter(sample: Sequence[Point], view: str, numbers: Numbers) -> Figure:
    """Two of the three figures against each other; `view` names the axes: fm, rf or rm."""
    across, up = AXES[view[0]], AXES[view[1]]
    return {
        "data": [
            _marks(cluster_id, sample, across[0], up[0])
            for cluster_id in sorted({point.cluster_id for point in sample})
        ],
        "layout": {
            "separators": numbers.separators,
            "xaxis": _axis(across, numbers),
            "yaxis": _axis(up, numbers),
        },
    }


def space(sample: Sequence[Point], numbers: Numbers) -> Figure:
    """All three figures, to be turned; a trace per cluster."""
    axes = dict(zip(("xaxis", "yaxis", "zaxis"), AXES.values(), strict=True))
    return {
        "data": [
            _marks(cluster_id, sample, "recency_days", "frequency")
            | {
                "type": "scatter3d",
                "z": [float(point.monetary) for point in sample if point.cluster_id == cluster_id],
                "hovertemplate": "<b>%{text}</b><br>%{x:,} days, %{y:,} orders, %{z:,.2f}"
                "<extra>%{fullData.name}</extra>",
                "marker": {
                    "color": colour(cluster_id),
                    "symbol": SPACE_SYMBOLS[cluster_id % len(SPACE_SYMBOLS)],
                    "size": 3,
                    "opacity": 0.8,
                },
            }
            for cluster_id in sorted({point.cluster_id for point in sample})
        ],
        "layout": {
            "separators": numbers.separators,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 70},
            "scene": {
                name: _axis(axis, numbers)
                | {"title": {"text": SPACE_TITLES[name]}, "nticks": 5, "tickfont": {"size": 11}}
                for name, axis in axes.items()
            }
            | {"aspectmode": "cube", "camera": {"eye": {"x": 1.45, "y": 1.45, "z": 0.8}}},
        },
    }


def _axis(axis: tuple[str, str, str], numbers: Numbers) -> Figure:
    name, title, scale = axis
    unit = f", {numbers.currency}" if name == "monetary" and numbers.currency else ""
    return {"title": {"text": f"{title}{unit}"}, "type": scale} | (
        {"dtick": 1} if name == "monetary" else {}
    )


def _marks(cluster_id: int, sample: Sequence[Point], across: str, up: str) -> Figure:
    points = [point for point in sample if point.cluster_id == cluster_id]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"Cluster {cluster_id}: {escape(points[0].segment_name)}",
        "x": [float(getattr(point, across)) for point in points],
        "y": [float(getattr(point, up)) for point in points],
        "text": [escape(point.customer_id) for point in points],
        "hovertemplate": "<b>%{text}</b><br>%{x:,} / %{y:,.2f}<extra>%{fullData.name}</extra>",
        "marker": {
            "color": colour(cluster_id),
            "symbol": SYMBOLS[cluster_id % COLOURS],
            "size": 6,
            "opacity": 0.7,
        },
    }


def snake(run: ScoringRun, numbers: Numbers) -> Figure:
    """Standardised middles per cluster; recency turned round, so that up is good throughout."""
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"Cluster {item['cluster_id']}: {escape(item['segment_name'])}",
                "x": ["Recency", "Orders", "Money"],
                "y": [
                    -item["standardised"]["r"],
                    item["standardised"]["f"],
                    item["standardised"]["m"],
                ],
                "hovertemplate": "%{x}: %{y:.2f}",
                "line": {"color": colour(item["cluster_id"]), "width": 2},
                "marker": {"symbol": SYMBOLS[item["cluster_id"] % COLOURS], "size": 9},
            }
            for item in run.metrics.get("clusters", [])
        ],
        "layout": {
            "separators": numbers.separators,
            "xaxis": {"type": "category"},
            "yaxis": {"title": {"text": "Standard deviations"}, "zeroline": True},
        },
    }


def sweep(run: ScoringRun, numbers: Numbers) -> Figure:
    """Silhouette and inertia for every k that was tried, the chosen one ringed."""
    tried = run.sweep
    ks = [item["k"] for item in tried]
    chosen = [item for item in tried if item["k"] == run.k]
    return {
        "data": [
            _line("Silhouette", ks, [item["silhouette"] for item in tried], "--accent", "circle"),
            _line("Inertia", ks, [item["inertia"] for item in tried], "--muted", "square")
            | {"yaxis": "y2"},
            _ring([(item["k"], item["silhouette"]) for item in chosen]),
            _ring([(item["k"], item["inertia"]) for item in chosen])
            | {"yaxis": "y2", "showlegend": False},
        ],
        "layout": {
            "separators": numbers.separators,
            "hovermode": "x unified",
            "xaxis": {"title": {"text": "Number of clusters"}, "dtick": 1},
            "yaxis": {"title": {"text": "Silhouette"}},
            "yaxis2": {
                "title": {"text": "Inertia"},
                "overlaying": "y",
                "side": "right",
                "showgrid": False,
                "tickmode": "auto",
                "rangemode": "tozero",
            },
        },
    }


def _ring(points: Sequence[tuple[int, float | None]]) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "chosen",
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "hoverinfo": "skip",
        "marker": {
            "symbol": "circle-open",
            "size": 20,
            "color": "var(--ok)",
            "line": {"width": 3},
        },
    }


def _line(name: str, x: list[int], y: Sequence[float | None], ink: str, symbol: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": y,
        "hovertemplate": "%{y:,.3~f}",
        "line": {"color": f"var({ink})", "width": 2},
        "marker": {"symbol": symbol, "size": 7},
    }
