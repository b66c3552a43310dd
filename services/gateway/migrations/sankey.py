"""Flows as ribbons between two columns of bars: the geometry, for an SVG on the page. Pure.

Units are those of the drawing: `SPAN` wide, and as high as `Sankey.height` says. The drawing is
stretched sideways, so widths of bars are given in parts of `SPAN`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.migrations.flows import Cell, Matrix, Row

SPAN = 100.0
BAR = 2.0
INK = 320.0
"""Height of all bars of a column together."""
GAP = 22.0
"""Between bars: room for a line of text however thin the bars are."""
THINNEST = 1.0

Measure = Callable[[Row | Cell], float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A segment on one side; `size` is its measure, `middle` where its label stands."""

    name: str
    top: float
    height: float
    size: float

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.top + self.height / 2


@dataclass(frozen=True, slots=True)
class Ribbon:
    """One flow; `path` is an SVG path."""

    source: str
    cell: Cell
    path: str


@dataclass(frozen=True, slots=True)
class Sankey:
    """Both columns and what flows between them."""

    sources: list[Bar]
    targets: list[Bar]
    ribbons: list[Ribbon]
    height: float


def build_sankey(matrix: Matrix, measure: Measure) -> Sankey | None:
    """Lay the matrix out; None when there is nothing to measure."""
    whole = sum(measure(row) for row in matrix.rows)
    if not whole:
        return None
    leaving = {row.name: measure(row) for row in matrix.rows}
    arriving = {
        name: sum(measure(row.cells[at]) for row in matrix.rows)
        for at, name in enumerate(matrix.columns)
    }
    sources, targets = _column(leaving, whole), _column(arriving, whole)
    bottom = max(bar.top + bar.height for bar in (*sources, *targets))
    return Sankey(sources, targets, _ribbons(matrix, measure, sources, targets), bottom + GAP / 2)


def _column(sizes: dict[str, float], whole: float) -> list[Bar]:
    bars, top = [], GAP / 2
    for name, size in sizes.items():
        if size:
            bars.append(Bar(name, top, max(size / whole * INK, THINNEST), size))
            top += bars[-1].height + GAP
    return bars


def _ribbons(
    matrix: Matrix, measure: Measure, sources: list[Bar], targets: list[Bar]
) -> list[Ribbon]:
    """Each leaves its bar below the one before, and arrives likewise: none cross at a bar."""
    scale = {bar.name: bar.height / bar.size for bar in sources}
    starts = {bar.name: bar.top for bar in sources}
    ends = {bar.name: bar.top for bar in targets}
    found = []
    for row in matrix.rows:
        for cell in row.cells:
            if size := measure(cell):
                thick = size * scale[row.name]
                path = _path(starts[row.name], ends[cell.target], thick)
                found.append(Ribbon(row.name, cell, path))
                starts[row.name] += thick
                ends[cell.target] += thick
    return found


def _path(start: float, end: float, thick: float) -> str:
    left, right, middle = BAR, SPAN - BAR, SPAN / 2
    return (
        f"M{left:g} {start:.1f}C{middle:g} {start:.1f} {middle:g} {end:.1f} {right:g} {end:.1f}"
        f"V{end + thick:.1f}C{middle:g} {end + thick:.1f} {middle:g} {start + thick:.1f}"
        f" {left:g} {start + thick:.1f}Z"
    )
