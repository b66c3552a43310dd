"""Flows between two snapshots as a matrix, as four figures, and by reason. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from gateway.kit.guide import CAUSES, rank
from gateway.migrations.schemas import Flow

NOBODY = ""
"""Stands for where new customers come from, and for where removed ones go."""
Names = Set[str]
NO_NAMES: Names = frozenset()


@dataclass(frozen=True, slots=True)
class Cell:
    """What went one way; `direction` is up, down, stay or none."""

    target: str
    customers: int
    money: Decimal
    direction: str


@dataclass(frozen=True, slots=True)
class Row:
    """Everything that left one segment; an empty name stands for new customers."""

    name: str
    cells: list[Cell]

    @property
    def customers(self) -> int:
        """How many there were."""
        return sum(cell.customers for cell in self.cells)

    @property
    def money(self) -> Decimal:
        """Their money in the later snapshot."""
        return sum((cell.money for cell in self.cells), Decimal(0))


@dataclass(frozen=True, slots=True)
class Matrix:
    """Flows as a table: rows are where from, columns where to, best segment first."""

    columns: list[str]
    rows: list[Row]

    @property
    def cells(self) -> list[tuple[str, Cell]]:
        """Where from and the cell, the largest flow first."""
        found = [(row.name, cell) for row in self.rows for cell in row.cells if cell.customers]
        return sorted(found, key=lambda item: -item[1].customers)


@dataclass(frozen=True, slots=True)
class Balance:
    """How many moved towards better segments, to worse ones, came, went and stayed."""

    up: int
    down: int
    stayed: int
    arrived: int


@dataclass(frozen=True, slots=True)
class Reason:
    """How many changed segment for one reason, and their money in the later snapshot."""

    words: str
    customers: int
    money: Decimal


def direction(source: str | None, target: str | None, silent: Names = NO_NAMES) -> str:
    """Whether a move leads to a better segment; new customers and leavers have none."""
    if not source or not target:
        return "none"
    before, after = place(source, silent), place(target, silent)
    return "stay" if before == after else "down" if after > before else "up"


def place(name: str, silent: Names) -> tuple[bool, int]:
    """Where a segment stands from best to worst: those without orders are behind all others."""
    return name in silent, rank(name)


def build_matrix(found: Sequence[Flow], silent: Names = NO_NAMES) -> Matrix:
    """The flows of all causes added up; new customers last."""
    customers: Counter[tuple[str, str]] = Counter()
    money: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for flow in found:
        way = (flow.from_segment or NOBODY, flow.to_segment or NOBODY)
        customers[way] += flow.customers
        money[way] += flow.monetary_after

    def cell(source: str, target: str) -> Cell:
        way = (source, target)
        return Cell(target, customers[way], money[way], direction(source, target, silent))

    targets = _ordered({target for _, target in customers}, silent)
    sources = _ordered({source for source, _ in customers}, silent)
    return Matrix(
        targets, [Row(source, [cell(source, target) for target in targets]) for source in sources]
    )


def _ordered(names: set[str], silent: Names) -> list[str]:
    return sorted(names, key=lambda name: (not name, place(name, silent), name))


def build_balance(found: Sequence[Flow], silent: Names = NO_NAMES) -> Balance:
    """The matrix in four figures."""
    count: Counter[str] = Counter()
    for flow in found:
        count[direction(flow.from_segment, flow.to_segment, silent)] += flow.customers
    arrived = sum(flow.customers for flow in found if not flow.from_segment)
    return Balance(count["up"], count["down"], count["stay"], arrived)


def count_causes(found: Sequence[Flow]) -> list[Reason]:
    """Who changed segment, by reason in words; empty where reasons are not known."""
    customers: Counter[str] = Counter()
    money: defaultdict[str, Decimal] = defaultdict(Decimal)
    for flow in found:
        if flow.cause and flow.from_segment != flow.to_segment:
            customers[flow.cause] += flow.customers
            money[flow.cause] += flow.monetary_after
    return [
        Reason(CAUSES.get(cause, cause), count, money[cause])
        for cause, count in customers.most_common()
    ]
