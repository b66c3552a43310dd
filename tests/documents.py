"""What the documentation says in tables, for tests that compare it with a running product."""

from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def rows_of(page: str, heading: str) -> dict[str, list[str]]:
    """The other cells of the rows of a section's tables, by the name in the first cell."""
    section = (DOCS / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return {name.strip("`/"): cells for name, *cells in rows if name[:1] == "`"}
