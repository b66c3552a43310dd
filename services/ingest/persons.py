"""People who were erased, looked for among values and in texts. No database here."""

from collections.abc import Callable, Iterable

import polars as pl

REMEMBERED = 1_000_000
"""Values that are known to be nobody's; beyond that a value may be asked about again."""

_CELL_MARKS = r'[,;\t|"\r\n]'
_WORD_MARKS = r'[,;\t|"\s<>()]'
_ADDRESS = r'[^\s,;|"<>()]+@[^\s,;|"<>()]+'


class Persons:
    """Knows by `is_one` whether an id or an address is one of theirs; asks once for each value."""

    def __init__(self, is_one: Callable[[str], bool]) -> None:
        self._is_one = is_one
        self._others = pl.Series(dtype=pl.String)

    def among(self, values: pl.Series) -> pl.Series:
        """A mask: which of the values are theirs."""
        asked = values.unique().drop_nulls()
        asked = asked.filter(~asked.is_in(self._others.implode()))
        theirs = _texts(value for value in asked if self._is_one(value))
        if len(self._others) < REMEMBERED:
            self._others = pl.concat([self._others, asked.filter(~asked.is_in(theirs.implode()))])
        return values.is_in(theirs.implode()).fill_null(value=False)

    def named_in(self, texts: pl.Series) -> pl.Series:
        """A mask: which texts have one of them as a cell or a word."""
        rows = _numbered(texts)
        parts = [
            rows.select("row", pl.col("text").str.replace_all(marks, ",").str.split(","))
            for marks in (_CELL_MARKS, _WORD_MARKS)
        ]
        return self._rows_with(pl.concat(parts).explode("text"), len(texts))

    def addressed_in(self, texts: pl.Series) -> pl.Series:
        """A mask: which texts hold an address of theirs."""
        rows = _numbered(texts).filter(pl.col("text").str.contains("@", literal=True))
        found = rows.select("row", pl.col("text").str.extract_all(_ADDRESS)).explode("text")
        return self._rows_with(found, len(texts))

    def _rows_with(self, found: pl.DataFrame, height: int) -> pl.Series:
        theirs = self.among(found["text"].str.strip_chars())
        return _numbers(height).is_in(found["row"].filter(theirs).unique().implode())


def _texts(values: Iterable[str]) -> pl.Series:
    return pl.Series(list(values), dtype=pl.String)


def _numbers(height: int) -> pl.Series:
    return pl.Series("row", range(height), dtype=pl.Int64)


def _numbered(texts: pl.Series) -> pl.DataFrame:
    return pl.DataFrame([_numbers(len(texts)), texts.cast(pl.String).alias("text")])
