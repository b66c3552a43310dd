"""No file takes more memory or time than its bytes justify, however its lines are made."""

import io

import pytest

from ingest.reading import survey as surveying
from ingest.reading.body import MOST_LINES, slices
from ingest.reading.reader import Options, batches, plan
from ingest.reading.scan import Grammar, Scanner
from ingest.reading.survey import EVIDENCE, survey
from ingest.refusal import RefusedError

HEADER = b"order_id,customer_id,order_date,order_amount\n"
ROW = b"O1,C1,2024-01-10,5\n"


def test_short_lines_below_a_wide_header_are_not_cut_into_its_cells() -> None:
    """Half a million lines of one letter would be five billion cells."""
    rows = Scanner(Grammar(10_000, ","), 2).feed("x\n" * 500_000 + "," * 9_999 + "\n")
    assert (rows.frame.height, rows.frame.width, len(rows.rejects)) == (1, 10_002, 500_000)
    assert rows.rejects[0][1:3] == ("too_few_cells", "1 cells, but the header has 10000")


@pytest.mark.parametrize("cells", [1, 2, 3])
@pytest.mark.parametrize("line", ["a", "a,b", "a,b,c", ",", ",,", "a,\rb"])
def test_lines_are_rows_when_they_have_all_cells(cells: int, line: str) -> None:
    rows = Scanner(Grammar(cells, ","), 1).feed(f"{line}\n")
    parts = line.split(",")
    is_row = len(parts) == cells and "\r" not in line
    assert (rows.frame.height, len(rows.rejects)) == (is_row, not is_row)
    if is_row:
        assert list(rows.frame.row(0)[2:]) == parts


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"x\n" * 3 * MOST_LINES, b"x\n" * 2 * MOST_LINES + b"y" * 2**20 + b"\n",
     b"y" * 2**20 + b"\n" + b"\n" * 2 * MOST_LINES, b"x\n" * 2 * MOST_LINES + b"y" * 2**20],
)  # fmt: skip
def test_a_piece_is_read_in_slices_of_whole_lines(body: bytes) -> None:
    found = list(slices(body))
    assert b"".join(lines for lines, _ in found) == body
    assert [is_last for _, is_last in found] == [False] * (len(found) - 1) + [True]
    assert all(lines.count(b"\n") <= MOST_LINES for lines, _ in found)
    assert all(lines.endswith(b"\n") for lines, _ in found[:-1])


@pytest.mark.parametrize("lines", [1, 2, 28])
def test_a_wide_line_below_the_header_costs_nothing(lines: int) -> None:
    with io.BytesIO(HEADER + (b"t," * 20_000 + b"\n") * lines + ROW) as file:
        assert plan(file, "x.csv", survey(file), Options()).first_line == 2


@pytest.mark.parametrize("lines", [1, 2, 28])
def test_a_wide_line_above_the_header_ends_the_search(lines: int) -> None:
    content = b"My report\n" + (b"t," * 20_000 + b"\n") * lines + HEADER + ROW
    with io.BytesIO(content) as file, pytest.raises(RefusedError) as refused:
        plan(file, "x.csv", survey(file), Options())
    assert refused.value.reason == "unknown_columns"


@pytest.mark.parametrize(
    "line",
    [b"\xe9" * 2**20, b"Jos\xe9 " * 2**18, b"a" * 2**20 + b" Jos\xe9", b"Jos\xe9" + b"a" * 2**20],
)
def test_evidence_of_an_encoding_is_short(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    original = surveying.weigh

    def weigh(lines, *more):  # type: ignore[no-untyped-def]
        seen.extend(lines)
        return original(lines, *more)

    monkeypatch.setattr(surveying, "weigh", weigh)
    sound = "".join(f"José{n}\n" for n in range(2 * EVIDENCE)).encode()
    with io.BytesIO(HEADER + sound + line + b"\n" + sound) as file:
        assert survey(file).strange_line == 2
    assert len(seen) <= 2 * EVIDENCE
    assert max(map(len, seen)) <= surveying.LONGEST_EVIDENCE


def test_words_of_a_long_line_still_tell_the_encoding() -> None:
    line = "O1," + "Büro Größe Straße " * 1000 + ",2024-01-10,5\n"
    with io.BytesIO(HEADER + line.encode("cp1252")) as file:
        assert survey(file).encoding.name == "windows-1252"


@pytest.mark.parametrize(
    "lines",
    [
        b"O1,Jos\xe9,2024-01-10,5\n" + b"a" * 900_000,
        "O1,José,2024-01-10,5\n".encode() + b"a" * 900_000,
        b"1" + b" " * 900_000 + b"x",
        b"O1,C1,2024-01-10," + b"@" * 450_000 + b" " + b"@" * 450_000,
        b"((" * 400_000,
    ],
)
def test_a_long_line_is_read_in_steps_that_grow_with_its_length(lines: bytes) -> None:
    """What goes from each of its letters to the end would take hours: the test's limit tells."""
    with io.BytesIO(HEADER + ROW + lines + b"\n") as file:
        layout = plan(file, "x.csv", survey(file), Options())
        assert sum(batch.count for batch in batches(file, layout)) >= 2


@pytest.mark.parametrize("name", ["a", "(", "order ", "customer id", "€"])
def test_a_header_of_long_names_is_no_header(name: str) -> None:
    content = f"{name * 20_000},{name * 20_000}\n1,2\n".encode()
    with io.BytesIO(content) as file, pytest.raises(RefusedError) as refused:
        plan(file, "x.csv", survey(file), Options())
    assert refused.value.reason in ("unknown_columns", "broken_header")
