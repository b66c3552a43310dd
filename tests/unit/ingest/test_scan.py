"""The scanner agrees with RFC 4180: rows of exactly N cells, every other row with its line."""

import csv
import io
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reading.scan import Grammar, Scanner
from ingest.refusal import RefusedError

Cells = list[tuple[str, ...]]


def scan(
    text: str, cells: int = 3, piece: int = 10_000, delimiter: str = ","
) -> tuple[Cells, list[tuple[int, str]], int]:
    """Good rows, (line, reason) of the others, blank lines; fed `piece` characters at a time."""
    scanner = Scanner(Grammar(cells, delimiter, 1024), line=2)
    rows: Cells = []
    rejects: list[tuple[int, str]] = []
    blank = 0
    parts = [text[at : at + piece] for at in range(0, len(text), piece)]
    for index, part in enumerate([*parts, ""]):
        found = scanner.feed(part, final=index == len(parts))
        rows += [tuple(row) for row in found.frame.drop("line", "raw").iter_rows()]
        rejects += [(line, reason) for line, reason, _, _ in found.rejects]
        blank += found.blank
    return rows, rejects, blank


PIECES = pytest.mark.parametrize("piece", [1, 2, 3, 7, 10_000])


@PIECES
def test_plain_rows(piece: int) -> None:
    text = "a,b,c\r\n1,2\n\n1,2,3,4\nx,,z"
    assert scan(text, piece=piece) == (
        [("a", "b", "c"), ("x", "", "z")], [(3, "too_few_cells"), (5, "too_many_cells")], 1
    )  # fmt: skip


@PIECES
def test_quoted_rows(piece: int) -> None:
    text = '"a","b\r\nq","c""d"\n1,2,3\n4,5"x,6\n7,"8\n9",1,2\n\n,,\n"1",2,","\n'
    assert scan(text, piece=piece) == (
        [("a", "b\r\nq", 'c"d'), ("1", "2", "3"), ("", "", ""), ("1", "2", ",")],
        [(5, "bare_quote"), (6, "too_many_cells")], 1,
    )  # fmt: skip


@PIECES
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_quoted_row_with_a_wrong_number_of_cells_costs_itself_only(
    piece: int, ending: str
) -> None:
    rows = ['"a","b","c"', '"1","2"', '"1","2","3","4"', '"1","2",', '"x","y","z"']
    found = scan("".join(row + ending for row in rows), piece=piece)
    assert found == (
        [("a", "b", "c"), ("1", "2", ""), ("x", "y", "z")],
        [(3, "too_few_cells"), (4, "too_many_cells")], 0,
    )  # fmt: skip


@PIECES
def test_a_carriage_return_inside_a_row_is_not_a_line_end(piece: int) -> None:
    assert scan("a\rb,c,d\n1,2,3\n", piece=piece) == (
        [("1", "2", "3")], [(2, "stray_carriage_return")], 0
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason", "where"),
    [
        ('a,b,c\n1,"2,3\n4,5,6\n', "unterminated_quote", "line 3, byte 3"),
        ('a,b,c\n1,"2"x,3\n', "text_after_quote", "line 3, byte 3"),
        ("a,b,c\n" + "x" * 2000 + ",1,2\n", "line_too_long", "line 3"),
        ('a,b,c\n1,"' + "x\n" * 2000, "line_too_long", "line 3"),
    ],
)
def test_damage_that_hides_where_rows_end_condemns_the_file(
    text: str, reason: str, where: str
) -> None:
    with pytest.raises(RefusedError, match=where) as caught:
        scan(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("cell", "step"),
    [(r'"7\" black"', "after a backslash as two"), (r'"a\"b\"c"', "after a backslash as two"),
     ('"7" black"', "inside a cell as two"), (r'"\\x" y', "inside a cell as two")],
)  # fmt: skip
def test_text_after_a_quote_is_refused_with_the_next_step(cell: str, step: str) -> None:
    with pytest.raises(RefusedError, match=f"line 3.*{step}"):
        scan(f"1,2,3\n1,{cell},3\n")


def test_every_separator_that_could_cut_lines_may_occur_in_the_text() -> None:
    marks = "\x1c\x1d\x1e\x1f"
    assert scan(f"{marks},b,c\n1,2,3\n") == ([(marks, "b", "c"), ("1", "2", "3")], [], 0)


cell = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cell, cell, cell), max_size=12), st.sampled_from(",;\t|"),
       st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]),
       st.sampled_from([5, 10_000]))  # fmt: skip
def test_what_a_csv_writer_writes_is_read_back_exactly(
    rows: Cells, delimiter: str, style: tuple[str, Literal[0, 1]], piece: int
) -> None:
    sink = io.StringIO(newline="")
    ending, quoting = style
    csv.writer(sink, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(rows)
    assert scan(sink.getvalue(), piece=piece, delimiter=delimiter)[:2] == (rows, [])


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from('a ,"\n\r;'), max_size=40), st.integers(1, 9))
def test_no_text_is_read_otherwise_in_pieces_than_whole(text: str, piece: int) -> None:
    def outcome(size: int) -> object:
        try:
            return scan(text, piece=size)
        except RefusedError as error:
            return error.reason

    assert outcome(piece) == outcome(10_000)
