"""What was tried, what was expected, what was seen, and what broke."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

MOST_SHOWN = 5
"""Attempts that broke, of one row, that are listed."""


@dataclass(frozen=True, slots=True)
class Row:
    """Attempts of one kind."""

    what: str
    expected: str
    seen: Counter[str]
    broke: list[str]

    @property
    def line(self) -> str:
        """As the table has it."""
        seen = ", ".join(f"{count} × {one}" for one, count in sorted(self.seen.items()))
        cells = (self.what, self.expected, seen, str(self.seen.total()), str(len(self.broke)))
        return f"| {' | '.join(cells)} |"


@dataclass(slots=True)
class Table:
    """Every kind of attempt."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        what: str,
        expected: str,
        outcomes: Iterable[tuple[str, object]],
        holds: Callable[[str, object], bool],
    ) -> None:
        """Judge what each attempt came to; told at once, so that a cut-off run has said it."""
        found = [(name, outcome) for name, outcome in outcomes]
        broke = [f"{name}: {outcome}" for name, outcome in found if not holds(name, outcome)]
        row = Row(what, expected, Counter(str(outcome) for _, outcome in found), broke)
        self.rows.append(row)
        print(f"{'BROKE' if broke or not found else 'held'}: {what}", flush=True)

    def statuses(
        self, what: str, expected: set[int], outcomes: Iterable[tuple[str, object]]
    ) -> None:
        """Attempts that each came to an HTTP status."""
        words = " or ".join(map(str, sorted(expected)))
        self.add(what, words, outcomes, lambda _, status: status in expected)

    @property
    def broke(self) -> list[str]:
        """Each attempt that broke; a kind without an attempt is one."""
        empty = [f"{row.what}: nothing was tried" for row in self.rows if not row.seen]
        return empty + [f"{row.what}: {one}" for row in self.rows for one in row.broke]

    def show(self) -> None:
        """Print the table, and what broke."""
        print("\n| attempt | expected | seen | tried | broke |\n|---|---|---|---|---|")
        for row in self.rows:
            print(row.line)
        for row in self.rows:
            for one in row.broke[:MOST_SHOWN]:
                print(f"BROKE: {row.what}: {one}")
