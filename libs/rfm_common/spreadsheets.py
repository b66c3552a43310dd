"""Cells of CSV files that a spreadsheet would run as a formula are made plain text."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell, or a way around a check for that."""


def harmless(text: str) -> str:
    """The text, with a quote before it when a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def harmless_sql(column: str) -> str:
    """SQL for the same of a text column."""
    # PostgreSQL holds no NUL, and its numbered characters need no escaping by anybody.
    signs = ", ".join(rf"U&'\{ord(sign):04X}'" for sign in FORMULA if sign != "\0")
    return f"CASE WHEN left({column}, 1) IN ({signs}) THEN '''' || {column} ELSE {column} END"
