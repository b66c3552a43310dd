"""The structure of CSV (RFC 4180), strictly: bytes in, rows of exactly N cells out.

polars pads short rows, drops surplus cells and reads past bare quotes without a word, so it only
cuts up what has been proven here: text without quotes by counting each line's cells, text with
quotes by a grammar that one regular expression holds.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

import polars as pl

from ingest.refusal import RefusedError

_ESCAPED = re.compile(r'\\(["\\])')

Rejects = list[tuple[int, str, str, str]]
"""Broken rows: line, reason, message, text."""

_SEPARATORS = ("\x1f", "\x1e", "\x1d", "\x1c")
"""Control characters; one that is absent from the text lets polars cut it into lines."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one piece of the file."""

    frame: pl.DataFrame
    """`line` (where the row begins), `raw`, and the cells `c0` ... as text."""
    rejects: Rejects
    blank: int = 0
    mended: Sequence[tuple[str, int]] = ()
    """Broken rows that were read all the same: why they were broken, and their line."""

    @property
    def count(self) -> int:
        """How many rows the piece held, good or bad; blank lines are none."""
        return self.frame.height + len(self.rejects)


@dataclass(frozen=True)
class Grammar:
    """How a file writes its rows."""

    cells: int
    delimiter: str
    max_line_bytes: int = 2**20
    has_escapes: bool = False
    """Whether a quote within quotes is written with a backslash, as MySQL does."""

    @property
    def quoted(self) -> str:
        """The pattern of a quoted cell."""
        return r'"(?:[^"\\]++|\\[\s\S]|"")*+"' if self.has_escapes else r'"(?:[^"]++|"")*+"'

    @cached_property
    def record(self) -> re.Pattern[str]:
        """One record: exactly N sound cells (group 1), or any cells that still show its end."""
        comma, quoted = re.escape(self.delimiter), self.quoted
        sound = rf'(?:{quoted}|[^"{comma}\r\n]*+)'
        rough = (
            rf'(?:{quoted} *+(?=[{comma}\n]|\r\n)|[^"{comma}\r\n][^{comma}\n]*+'
            rf"|\r(?!\n)[^{comma}\n]*+|(?=[{comma}\n]|\r\n))"
        )
        exact = rf"{sound}(?:{comma}{sound}){{{self.cells - 1}}}"
        return re.compile(rf"({exact}\r?\n)|({rough}(?:{comma}{rough})*+\r?\n)")

    @property
    def schema(self) -> dict[str, type[pl.String]]:
        """Column names of the cells, all text."""
        return {f"c{index}": pl.String for index in range(self.cells)}


@dataclass(slots=True)
class Scanner:
    """Cuts the text after the header into rows, piece by piece, and counts lines and bytes."""

    grammar: Grammar
    line: int
    """The line that the next piece starts with."""
    _rest: str = field(default="", repr=False)

    def feed(self, text: str, *, final: bool = False) -> Rows:
        """The rows that are complete with this text; the last one may end without a newline."""
        text = self._rest + text
        if final and text and not text.endswith("\n"):
            text += "\n"
        cut = text.rfind("\n") + 1
        whole, self._rest = text[:cut], text[cut:]
        rows, used = self._quoted(whole, final) if '"' in text else (self._plain(whole), cut)
        self._rest = whole[used:] + self._rest
        self.line += whole.count("\n", 0, used)
        if len(self._rest) > self.grammar.max_line_bytes:
            self.too_long()
        return rows

    def _plain(self, text: str) -> Rows:
        """Lines are rows: cut each at its delimiters and see whether that gave N cells."""
        lines = _lines(text, self.line)
        filled = lines.filter(pl.col("raw") != "")
        self._check_lengths(filled)
        is_sound = filled.select(self._has_all_cells("\r" in text)).to_series()
        # only sound lines are cut: each line that is takes the room of as many cells as the header
        cells = pl.col("raw").str.split_exact(self.grammar.delimiter, self.grammar.cells - 1)
        good = filled.filter(is_sound).with_columns(cells.alias("cells")).unnest("cells")
        bad = filled.filter(~is_sound)
        frame = good.rename({f"field_{index}": f"c{index}" for index in range(self.grammar.cells)})
        rejects = [self._reject(line, raw) for line, raw in bad.select("line", "raw").iter_rows()]
        return Rows(frame, rejects, lines.height - filled.height)

    def _has_all_cells(self, has_cr: bool) -> pl.Expr:
        raw = pl.col("raw").str
        right = raw.count_matches(self.grammar.delimiter, literal=True) == self.grammar.cells - 1
        return right & ~raw.contains("\r", literal=True) if has_cr else right

    def _check_lengths(self, lines: pl.DataFrame) -> None:
        longest = lines["raw"].str.len_bytes()
        if lines.height and int(longest.max()) > self.grammar.max_line_bytes:  # type: ignore[arg-type]
            self.too_long(lines["line"][longest.arg_max() or 0])

    def _quoted(self, text: str, final: bool) -> tuple[Rows, int]:
        """Walk record by record; stop before one whose quote closes in a later piece."""
        good: list[str] = []
        starts: list[int] = []
        rejects: Rejects = []
        line, blank, used = self.line, 0, 0
        for match in self._records(text):
            raw = match.group()
            body = raw.removesuffix("\n").removesuffix("\r")
            if match.end(1) >= 0 and body:
                good.append(raw)
                starts.append(line)
            elif body:
                rejects.append(self._reject(line, body))
            else:
                blank += 1
            line, used = line + raw.count("\n"), match.end()
            if len(raw) > self.grammar.max_line_bytes:
                self.too_long(line)
        if used < len(text):
            self._check_open_quote(text, used, line, final)
        return Rows(self._cut(good, starts), rejects, blank), used

    def _records(self, text: str) -> Iterator[re.Match[str]]:
        """Matches without a gap from the start: the first gap ends them."""
        matches, end = self.grammar.record.finditer(text), 0
        for match in matches:
            if match.start() != end:
                return
            yield match
            end = match.end()

    def _cut(self, records: list[str], lines: list[int]) -> pl.DataFrame:
        """Let polars cut records that are proven sound, and check that it saw as many."""
        raw = pl.Series("raw", records, pl.String).str.strip_chars_end("\r\n")
        if not records:
            return pl.DataFrame(schema={"line": pl.Int64, "raw": pl.String, **self.grammar.schema})
        text = "".join(records)
        if self.grammar.has_escapes:
            text = _ESCAPED.sub(lambda found: '""' if found[1] == '"' else "\\", text)
        cells = pl.read_csv(
            io.BytesIO(text.encode()), has_header=False, schema=self.grammar.schema,
            separator=self.grammar.delimiter, empty_string_is_null=False,
        )  # fmt: skip
        if cells.height != len(records):
            raise RuntimeError(f"{len(records)} records were cut into {cells.height} rows")
        return pl.DataFrame([pl.Series("line", lines, pl.Int64), raw, *cells.get_columns()])

    def _check_open_quote(self, text: str, at: int, line: int, final: bool) -> None:
        """A record that does not match here either goes on in the next piece or breaks the file."""
        quoted = re.compile(self.grammar.quoted)
        comma = re.escape(self.grammar.delimiter)
        sound = re.compile(
            rf'(?:{quoted.pattern} *+(?=[{comma}\r\n])|[^"{comma}\n][^{comma}\n]*+|){comma}'
        )
        cell = at
        while match := sound.match(text, cell):
            cell = match.end()
        line += text.count("\n", at, cell)
        where = f"line {line}, byte {len(text[at:cell].encode()) + 1} of the row"
        if closed := quoted.match(text, cell):
            inside = "after a backslash" if closed[0].endswith('\\"') else "inside a cell"
            raise RefusedError(
                "text_after_quote",
                f"{where}: text follows a closing quote, so it is unknown where rows end;"
                f' write a quote {inside} as two quotes ("")',
            )
        if final:
            raise RefusedError(
                "unterminated_quote",
                f"{where}: a quote is opened and never closed; add the other one",
            )

    def too_long(self, line: int | None = None) -> NoReturn:
        """Refuse the file for a row that would not fit into memory, by default the next one."""
        limit, line = self.grammar.max_line_bytes, line or self.line
        raise RefusedError(
            "line_too_long",
            f"line {line} is longer than {limit:,} bytes; a quote in it may lack the other one",
        )

    def _reject(self, line: int, raw: str) -> tuple[int, str, str, str]:
        """Say what is wrong with a record that is not N sound cells."""
        if '"' in raw and _has_bare_quote(raw, self.grammar.delimiter):
            return line, "bare_quote", "a quote stands inside a cell that is not quoted", raw
        if "\r" in raw:
            return line, "stray_carriage_return", "a carriage return stands inside the row", raw
        found = _count_cells(raw, self.grammar.delimiter)
        message = f"{found} cells, but the header has {self.grammar.cells}"
        return (
            line,
            "too_many_cells" if found > self.grammar.cells else "too_few_cells",
            message,
            raw,
        )


def _lines(text: str, first: int) -> pl.DataFrame:
    """The lines of a text that ends in a newline, numbered, without their LF or CRLF."""
    separator = next((mark for mark in _SEPARATORS if mark not in text), None)
    if separator is None or not text:
        parts = [line.removesuffix("\r") for line in text.split("\n")[:-1]]
        return pl.DataFrame({"line": range(first, first + len(parts)), "raw": parts},
                            schema={"line": pl.Int64, "raw": pl.String})  # fmt: skip
    return pl.read_csv(
        io.BytesIO(text.encode()), has_header=False, separator=separator, quote_char=None,
        schema={"raw": pl.String}, empty_string_is_null=False,
        row_index_name="line", row_index_offset=first,
    ).cast({"line": pl.Int64})  # fmt: skip


def split_cells(raw: str, delimiter: str) -> list[str]:
    """The cells of a row as they are written, with quotes and the spaces around them."""
    comma = re.escape(delimiter)
    return re.findall(rf'(?:^|{comma})( *+"(?:[^"]++|"")*+" *+|[^{comma}]*+)', raw)


def _count_cells(raw: str, delimiter: str) -> int:
    return len(split_cells(raw, delimiter))


def _has_bare_quote(raw: str, delimiter: str) -> bool:
    cells = (cell for cell in split_cells(raw, delimiter) if '"' in cell)
    return any(not (cell.startswith('"') and cell.endswith('"')) for cell in cells)
