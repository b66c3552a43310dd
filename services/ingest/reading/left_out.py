"""Values that cannot be read in columns which a row may lack: left out, counted and told."""

from dataclasses import dataclass

import polars as pl

SCHEMA = {"column_name": pl.String, "line": pl.Int64, "value": pl.String}
LONGEST = 40
"""Characters of an example."""


@dataclass(slots=True)
class LeftOut:
    """What was left out of one column."""

    rows: int
    line: int
    example: str


class LeftOutCount:
    """What was left out of a file, by column."""

    def __init__(self) -> None:
        self._columns: dict[str, LeftOut] = {}

    def add(self, values: pl.DataFrame) -> None:
        """Add those of one piece, in the file's order."""
        counted = values.group_by("column_name", maintain_order=True).agg(
            pl.len(), pl.col("line", "value").first()
        )
        for name, rows, line, value in counted.iter_rows():
            known = self._columns.setdefault(name, LeftOut(0, line, value.strip()[:LONGEST]))
            known.rows += rows

    def told(self) -> list[dict[str, str]]:
        """For the import: how many, and the first of them."""
        return [
            {
                "about": f"column.{name}",
                "text": f"Values of {name} that cannot be read: {found.rows:,}, such as"
                f" {found.example!r} in line {found.line}. Their rows are loaded without one.",
            }
            for name, found in self._columns.items()
        ]
