"""The comparisons as a plain table. Pure."""

from collections.abc import Sequence

from scoring.value.published import Checked

HEADINGS = ("what", "published", "here", "source", "ok")


def table(checked: Sequence[Checked]) -> str:
    """A line for each comparison; sources are numbered, and listed under the table."""
    sources = list(dict.fromkeys(one.source for one in checked))
    rows = [
        HEADINGS,
        *(
            (one.about, one.published, one.computed, f"[{sources.index(one.source) + 1}]",
             "yes" if one.agrees else "NO")
            for one in checked
        ),
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    listed = [f"[{number}] {source}" for number, source in enumerate(sources, start=1)]
    return "\n".join([*lines, "", *listed, "", verdict(checked)])


def verdict(checked: Sequence[Checked]) -> str:
    """One sentence."""
    wrong = [one.about for one in checked if not one.agrees]
    if not wrong:
        return f"All {len(checked)} figures are as published."
    return f"{len(wrong)} of {len(checked)} figures are not as published: {', '.join(wrong)}."
