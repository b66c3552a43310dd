"""PNG pictures by matplotlib, without a display; the same input gives the same bytes."""

import io

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gateway.charts.points import AXES, COLOURS, OTHER, SYMBOLS, PlotType, Sample, symbol, title

MARKERS = dict(zip(SYMBOLS, "*oD^svhX", strict=True))
"""The marks by the names that Plotly has for them."""
SIZE_INCHES = (10, 6.5)
DPI = 120


def draw(sample: Sample, plot_type: PlotType) -> bytes:
    """A scatter of two of recency, frequency and monetary, a colour and mark per segment."""
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    x, y = AXES[plot_type]
    for name, points in sample.by_segment().items():
        axes.scatter(
            [getattr(point, x) for point in points],
            [getattr(point, y) for point in points],
            s=18, alpha=0.65, linewidths=0, label=name,
            color=COLOURS.get(name, OTHER), marker=MARKERS[symbol(name)],
        )  # fmt: skip
    _dress(axes, sample, x, y)
    figure.suptitle(title(plot_type), x=0.01, ha="left", weight="bold")
    axes.set_title(sample.subtitle, loc="left", fontsize=9, color="#555")
    sink = io.BytesIO()
    figure.savefig(sink, format="png", metadata={"Software": None})
    return sink.getvalue()


def _dress(axes: Axes, sample: Sample, x: str, y: str) -> None:
    axes.set_xlabel(sample.label(x))
    axes.set_ylabel(sample.label(y))
    for field, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        if field != "recency_days":
            # Few customers order very much; a plain axis would crowd all others into a corner.
            scale = axes.set_xscale if axis is axes.xaxis else axes.set_yscale
            scale("symlog", linthresh=1)
        axis.set_major_formatter(FuncFormatter(_plain))
    axes.grid(visible=True, alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    if sample.points:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def _plain(value: float, _: int) -> str:
    return f"{value:,.0f}"
