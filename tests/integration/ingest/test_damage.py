"""Hundreds of damaged files: never a wrong row, never a missing one that is not listed.

The generator damages a sound file of each kind in every way the policy names, at every column and
at the first, a middle and the last row. No database here: the reader alone decides what may reach
it (what the loader does with rows and rejects is tested in `test_loading`).
"""

import io
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest

from ingest.reading.reader import Options, batches, plan
from ingest.reading.survey import survey
from ingest.refusal import RefusedError

ROWS = 40
PLACES = (0, ROWS // 2, ROWS - 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
Table = list[list[str]]
Lines = dict[int, tuple[str, ...]]
Outcome = tuple[Lines, dict[int, str]]

ORDERS: Table = [
    ["order_id", "customer_id", "order_date", "order_amount", "currency", "status"],
    *([f"O{n:03}", f"00{n % 7}", f"2024-03-{n % 28 + 1:02}", f"{n}.5{n % 10}", "EUR", "completed"]
      for n in range(ROWS)),
]  # fmt: skip
CUSTOMERS: Table = [
    ["customer_id", "email", "country", "created_at"],
    *([f"00{n}", f"é{n}@example.com", "DE", f"2023-03-{n % 28 + 1:02}"] for n in range(ROWS)),
]


def text_of(table: Table, delimiter: str = ",") -> str:
    return "".join(delimiter.join(row) + "\n" for row in table)


def read(content: bytes) -> Outcome:
    """Rows by line, as text, and the reasons of the rejected lines."""
    return read_lines(content)[:2]


def read_lines(content: bytes) -> tuple[Lines, dict[int, str], set[int]]:
    """The same, and every line that a row, loaded or rejected, takes up."""
    file = io.BytesIO(content)
    layout = plan(file, "file.csv", survey(file), Options(now=NOW))
    rows: Lines = {}
    rejects: dict[int, str] = {}
    taken: set[int] = set()
    total = 0
    for batch in batches(file, layout):
        total += batch.count
        for row in batch.rows.iter_rows(named=True):
            line = row.pop("import_line")
            assert line not in rows
            rows[line] = tuple(as_text(name, value) for name, value in row.items())
            taken |= span(line, "".join(rows[line]))
        for row in batch.rejects.iter_rows(named=True):
            rejects[row["line"]] = row["reason"]
            taken |= span(row["line"], row["raw"])
    assert total == len(rows) + len(rejects)
    return rows, rejects, taken


def span(line: int, text: str) -> set[int]:
    return set(range(line, line + 1 + text.count("\n")))


def as_text(name: str, value: object) -> str:
    """One spelling of each value: the reader hands plain ones on as they are."""
    if name == "order_amount":
        return f"{Decimal(str(value)).normalize():f}"
    return "" if value is None else str(value).removesuffix(" 00:00:00+00:00")


@dataclass
class Tally:
    """What became of the good rows of a number of damaged files."""

    good: int = 0
    accepted: int = 0
    wrong: int = 0
    missing: int = 0

    def add(self, good: Lines, rows: Lines, listed: set[int]) -> None:
        """Count the good rows of one more file, by what was read and which lines were listed."""
        self.good += len(good)
        self.accepted += sum(rows.get(line) == row for line, row in good.items())
        self.wrong += sum(line in rows and rows[line] != row for line, row in good.items())
        self.missing += len(good.keys() - rows.keys() - listed)

    def keeps_the_promise(self) -> bool:
        """Nothing silently wrong, nothing missing unlisted, 95 % of the good rows accepted."""
        return not self.wrong and not self.missing and self.accepted >= 0.95 * self.good > 0


def with_cell(table: Table, row: int, column: int, text: str) -> Table:
    copy = [list(line) for line in table]
    copy[row + 1][column] = text
    return copy


CELLS = {
    "surplus cell": lambda cell: f"{cell},x",
    "bare quote": lambda cell: f'{cell[:1]}"{cell[1:]}',
    "stray CR": lambda cell: f"{cell[:1]}\r{cell[1:]}",
    "too long": lambda cell: cell + "9" * 400,
    "letters": lambda cell: f"x{cell}",
    "empty": lambda cell: "",
    "not a number": lambda cell: "NaN",
    "infinite": lambda cell: "inf",
    "scientific": lambda cell: "1e500",
    "decimal comma": lambda cell: '"1,5"',
    "impossible date": lambda cell: "2024-02-30",
    "Unix seconds": lambda cell: "1704067200",
    "future date": lambda cell: "2026-03-01",
    "old date": lambda cell: "0024-03-01",
    "ambiguous": lambda cell: '"1,234"',
    "too precise": lambda cell: "1.23456",
    "too large": lambda cell: "9" * 15,
}
"""Damage to one cell. It may make another sound value of it, never a value of another row."""

SOUND_AS_TEXT = {"letters", "bare quote", "too long", "empty", "not a number", "infinite",
                 "scientific",
                 "decimal comma", "impossible date", "Unix seconds", "future date",
                 "old date", "ambiguous", "too precise", "too large"}  # fmt: skip


@pytest.mark.parametrize("kind", [ORDERS, CUSTOMERS], ids=["orders", "customers"])
@pytest.mark.parametrize("damage", CELLS)
def test_a_damaged_cell_costs_its_row_and_no_other(kind: Table, damage: str) -> None:
    truth, _ = read(text_of(kind).encode())
    assert len(truth) == ROWS
    tally = Tally()
    for place, column in product(PLACES, range(len(kind[0]))):
        damaged = with_cell(kind, place, column, CELLS[damage](kind[place + 1][column]))
        rows, rejects = read(text_of(damaged).encode())
        line = place + 2
        unharmed = {number: row for number, row in truth.items() if number != line}
        tally.add(unharmed, rows, set(rejects))
        assert rows.keys() | rejects.keys() == truth.keys()
        if line in rows:  # still a sound row: as the file now says, nothing else
            assert damage in SOUND_AS_TEXT
            said = damaged[line - 1][column].strip('"')
            others = [at for at in range(len(kind[0])) if at != column]
            assert [rows[line][at] for at in others] == [truth[line][at] for at in others]
            whole = re.sub(r",(?=\d{3}$)", "", said)
            left_out = {""} if kind[0][column] == "created_at" else set()
            sound = {said, said.lower(), said.upper(), whole, "completed"}
            assert rows[line][column] in sound | left_out
    assert tally.keeps_the_promise(), tally
    assert tally.accepted == tally.good  # one damaged cell does not even cost a twentieth


@pytest.mark.parametrize("kind", [ORDERS, CUSTOMERS], ids=["orders", "customers"])
def test_a_missing_cell_shifts_no_value_into_another_column(kind: Table) -> None:
    truth, _ = read(text_of(kind).encode())
    for place, column in product(PLACES, range(len(kind[0]))):
        damaged = [list(row) for row in kind]
        del damaged[place + 1][column]
        rows, rejects = read(text_of(damaged).encode())
        if column == len(kind[0]) - 1:  # the last one, which no row needs: nothing is shifted
            assert (len(rows), rejects) == (ROWS, {})
            assert rows[place + 2][:-1] == truth[place + 2][:-1]
        else:
            assert (len(rows), rejects.keys()) == (ROWS - 1, {place + 2})


def test_required_cells_that_are_empty_are_refused() -> None:
    for place, column in product(PLACES, range(4)):
        _, rejects = read(text_of(with_cell(ORDERS, place, column, "")).encode())
        assert rejects == {place + 2: "no_customer" if column == 1 else "empty"}


Whole = Callable[[Table], bytes]


def _encoded(encoding: str) -> Whole:
    return lambda table: text_of(table).encode(encoding)


WHOLE: dict[str, tuple[Whole, str]] = {
    "UTF-32 without mark": (_encoded("utf-32-be"), "nul_byte"),
    "empty": (lambda table: b"", "empty_file"),
    "only blank lines": (lambda table: b"\n\n\n", "empty_file"),
    "wrong delimiter": (lambda table: text_of(table, "§").encode(), "unknown_columns"),
}  # fmt: skip


@pytest.mark.parametrize("kind", [ORDERS, CUSTOMERS], ids=["orders", "customers"])
@pytest.mark.parametrize("damage", WHOLE)
def test_damage_to_the_whole_file_refuses_it_with_one_reason(kind: Table, damage: str) -> None:
    make, reason = WHOLE[damage]
    with pytest.raises(RefusedError) as caught:
        read(make(kind))
    assert caught.value.reason == reason


@pytest.mark.parametrize("kind", [ORDERS, CUSTOMERS], ids=["orders", "customers"])
def test_without_a_header_the_first_line_is_a_row_and_what_is_what_is_asked(kind: Table) -> None:
    content = text_of(kind[1:]).encode()
    file = io.BytesIO(content)
    questions = plan(file, "file.csv", survey(file), Options(now=NOW)).questions
    assert questions
    rows, rejects = read(content)
    assert (sorted(rows), rejects) == ([*range(1, ROWS + 1)], {})


@pytest.mark.parametrize("kind", [ORDERS, CUSTOMERS], ids=["orders", "customers"])
def test_bytes_that_hide_rows_refuse_the_file_and_say_where(kind: Table) -> None:
    for place, column in product(PLACES, range(len(kind[0]))):
        cell = kind[place + 1][column]
        for text, reason in ((f'"{cell}', "unterminated_quote"), (f'"{cell}"x', "text_after_quote"),
                             (f"{cell}\0", "nul_byte")):  # fmt: skip
            with pytest.raises(RefusedError, match=f"line {place + 2}") as caught:
                read(text_of(with_cell(kind, place, column, text)).encode())
            assert caught.value.reason == reason


def test_a_missing_required_column_refuses_the_file() -> None:
    for column in range(1, 4):  # without order ids each row is an order
        damaged = [[cell for at, cell in enumerate(row) if at != column] for row in ORDERS]
        with pytest.raises(RefusedError, match=ORDERS[0][column]) as caught:
            read(text_of(damaged).encode())
        assert caught.value.reason == "missing_column"
    with pytest.raises(RefusedError, match="not those of customers") as caught:
        read(text_of([row[2:] for row in CUSTOMERS]).encode())  # without the address as well
    assert caught.value.reason == "unknown_columns"


@pytest.mark.parametrize("kind", [ORDERS, CUSTOMERS], ids=["orders", "customers"])
def test_a_column_that_comes_twice_refuses_the_file(kind: Table) -> None:
    for column in range(len(kind[0])):
        damaged = [[row[column], *row] for row in kind]
        with pytest.raises(RefusedError, match=kind[0][column]) as caught:
            read(text_of(damaged).encode())
        assert caught.value.reason == "duplicate_column"


def test_a_line_in_another_encoding_harms_no_other_line() -> None:
    truth, content = read(text_of(CUSTOMERS).encode()), text_of(CUSTOMERS).encode()
    for place in PLACES:
        at = content.index(CUSTOMERS[place + 1][1].encode())
        rows, rejects = read(content[:at] + b"\xe9" + content[at:])
        assert (len(rows), rejects) == (ROWS, {})
        differing = [line for line in rows if rows[line] != truth[0][line]]
        assert differing == [place + 2]
        assert rows[place + 2][1] == "é" + truth[0][place + 2][1]


def test_a_file_that_was_cut_within_a_character_is_refused() -> None:
    content = text_of(CUSTOMERS).encode()
    cut = content.rindex("é".encode()) + 1
    with pytest.raises(RefusedError, match="copy it again") as caught:
        read(content[:cut])
    assert caught.value.reason == "cut_off"


SAME: dict[str, Callable[[str], bytes]] = {
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "Windows-1252": lambda text: text.encode("windows-1252"),
    "no last newline": lambda text: text.rstrip("\n").encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "carets": lambda text: text.replace(",", "^").encode(),
    "bars": lambda text: text.replace(",", "|").encode(),
    "capital header": lambda text: (text.split("\n")[0].upper() + text[text.index("\n"):]).encode(),
    "spaced header": lambda text: text.replace("_", " ", 2).encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", [ORDERS, CUSTOMERS], ids=["orders", "customers"])
@pytest.mark.parametrize("spelling", SAME)
def test_the_same_table_in_another_spelling_is_the_same(kind: Table, spelling: str) -> None:
    truth = read(text_of(kind).encode())
    assert read(SAME[spelling](text_of(kind))) == truth


def damaged_bytes(seed: int) -> Iterator[bytes]:
    """Sound files with a few random bytes put in, taken out or changed."""
    chance = random.Random(seed)
    for table in (ORDERS, CUSTOMERS) * 75:
        content = bytearray(text_of(table).encode())
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(content))
            piece = bytes(chance.choices(b'",;\n\r\t x9-.\xe9\x00', k=chance.randint(0, 2)))
            content[at : at + chance.randint(0, 2)] = piece
        yield bytes(content)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_damage_never_invents_a_row_or_loses_one_in_silence(seed: int) -> None:
    """A row on an undamaged line is the truth's, and every line is in a row, loaded or listed."""
    tables = [text_of(table) for table in (ORDERS, CUSTOMERS)]
    headers = [table.splitlines()[0] for table in tables]
    truth = {line: row for table in tables for line, row in zip(
        table.splitlines()[1:], read(table.encode())[0].values(), strict=True)}  # fmt: skip
    refused, loaded, tally = 0, 0, Tally()
    for content in damaged_bytes(seed):
        try:
            rows, rejects, taken = read_lines(content)
        except RefusedError:
            refused += 1
            continue
        loaded += 1
        lines = dict(enumerate(content.decode("utf-8", "replace").split("\n"), 1))
        assert taken >= {number for number, line in lines.items() if line.strip("\r")} - {1}
        if lines[1] in headers:  # with another header the same line says something else
            intact = {number: truth[line] for number, line in lines.items() if line in truth}
            tally.add(intact, rows, set(rejects))
    assert tally.keeps_the_promise(), tally
    assert min(refused, loaded) > 20, "the damage is all of one kind"
