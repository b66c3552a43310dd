"""Workbooks: cells as text, sheets chosen by their headers, lines that are the sheet's rows."""

from hashlib import sha256

import pytest

from ingest.reading.containers import workbooks
from ingest.refusal import RefusedError
from tests.books import DAY, MOMENT, MONEY, PERCENT, Rows, ods, sheet_xml, xlsx, zipped
from tests.unit.ingest.reading.containers.reading import HEADER, read

ORDERS: Rows = [
    HEADER,
    ("O1", 17850.0, (45301, DAY), (12.5, MONEY)),
    ("O2", 17851.0, (45302.75, MOMENT), 19.989999999999998),
]
"""45301 is 10 January 2024."""


def text_of(rows: Rows) -> str:
    return read(xlsx({"Orders": rows})).text


def test_cells_are_text_that_says_the_same() -> None:
    assert read(xlsx({"Orders": ORDERS})).text.splitlines()[1:] == [
        "O1,17850,2024-01-10,12.5",
        "O2,17851,2024-01-11 18:00:00,19.99",
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (17850.0, "17850"), (12.5, "12.5"), (19.989999999999998, "19.99"), (0.1 + 0.2, "0.3"),
        (-3.0, "-3"), (1e15, "1000000000000000"), (123456789012.25, "123456789012.25"),
        (0.00001, "0.00001"), (True, "true"), ("00042", "00042"), ("a\nb", "a b"),
        ((0.125, PERCENT), "0.125"), ((45301.5, MOMENT), "2024-01-10 12:00:00"),
        ((45301.999999999, MOMENT), "2024-01-11 00:00:00"),
        ((45301.5000000001, MOMENT), "2024-01-10 12:00:00"),
        ("=A1*2=7.5", "7.5"), ('say "x", y', '"say ""x"", y"'), ("", ""),
    ],
)  # fmt: skip
def test_values(cell: object, text: str) -> None:
    row = ("O1", "C1", "2024-01-10", 5.0, cell)
    assert text_of([(*HEADER, "note"), row]).splitlines()[1] == f"O1,C1,2024-01-10,5,{text}"


def test_days_since_1904() -> None:
    found = read(xlsx({"Orders": [HEADER, ("O1", "C1", (43839, DAY), 5.0)]}, is_1904=True))
    assert found.text.splitlines()[1] == "O1,C1,2024-01-10,5"


def test_lines_are_the_rows_of_the_sheet() -> None:
    rows = [*ORDERS, (), ("O3", "C3", "never", 1.0), (), (), ("O4", "C4", (45301, DAY), 1.0)]
    found = read(xlsx({"Orders": sheet_xml(rows, first_row=5, first_column=2)}))
    assert found.ids == ["O1", "O2", "O4"]
    assert found.rejects.select("line", "reason").rows() == [(9, "not_a_date")]
    assert found.rows["import_line"].to_list() == [6, 7, 12]


def test_titles_above_and_totals_below() -> None:
    title = ["Orders of January", None, None, None]
    rows = [title, [None] * 4, *ORDERS, ("Total", None, None, 32.49)]
    found = read(xlsx({"Orders": sheet_xml(rows, merged="A1:D1")}))
    assert found.ids == ["O1", "O2"]
    assert found.rejects.select("line", "reason").rows() == [(6, "total_line")]
    assert "The header is on line 3. Skipped above it: Orders of January,,," in found.sentences


def test_a_note_beside_the_table_is_no_column_of_it() -> None:
    rows = [*ORDERS, ("O3", "C3", (45301, DAY), 1.0, None, None, "checked by Ann")]
    assert read(xlsx({"Orders": rows})).ids == ["O1", "O2", "O3"]


def test_the_sheet_with_the_header_is_read_and_the_others_are_told() -> None:
    sheets = {"Cover": [("Shop",)], "Empty": [], "Data": ORDERS, "Old": ORDERS, "Chart": "<x/>"}
    found = read(xlsx(sheets, hidden=["Old"], charts=["Chart"]))
    assert found.ids == ["O1", "O2"]
    assert found.questions == {}
    assert ("Read: 'Data'. Not read: 'Cover', 'Empty' (empty), 'Old' (hidden).") in found.sentences


def test_sheets_of_other_columns_are_asked_about_and_the_largest_is_proposed() -> None:
    people: Rows = [("customer_id", "email"), *((f"C{n}", f"c{n}@x.de") for n in range(9))]
    book = xlsx({"Orders": ORDERS, "People": people})
    question = read(book, {"sheet": "Orders"}).questions
    assert question == {}
    with_question = read(xlsx({"Few": ORDERS[:2], "Orders": [(*HEADER, "x"), *ORDERS[1:]]}))
    assert with_question.questions["sheet"].proposal == "Orders"
    assert [choice.value for choice in with_question.questions["sheet"].choices] == [
        "Few", "Orders",
    ]  # fmt: skip
    assert read(book, {"sheet": "Orders"}).ids == ["O1", "O2"]


def test_sheets_of_the_same_columns_can_be_read_together() -> None:
    second = [("Year 2025",), HEADER, ("O3", "C3", (45667, DAY), 1.0), ("O4", "C4", "never", 1.0)]
    book = xlsx({"2024": ORDERS, "2025": second, "Notes": [("x",)]})
    assert read(book).questions["sheet"].proposal == "*"
    both = read(book, {"sheet": "*"})
    assert both.questions == {}
    assert both.ids == ["O1", "O2", "O3"]
    assert both.rejects.select("line", "reason").rows() == [(3 + 4, "not_a_date")]
    assert "Read: '2024' from line 1, '2025' from line 4. Not read: 'Notes'." in both.sentences
    assert read(book, {"sheet": "2025"}).ids == ["O3"]
    assert "sheet" in read(book, {"sheet": "2026"}).questions


def test_an_answer_that_is_no_sheet_is_asked_again() -> None:
    assert read(xlsx({"Only": ORDERS}), {"sheet": "Other"}).ids == ["O1", "O2"]


def test_open_document() -> None:
    rows: Rows = [HEADER, ("O1", 17850.0, "2024-01-10", 12.5)]
    found = read(ods({"Notes": [("x",)], "Orders": rows}))
    assert found.text.splitlines()[1] == "O1,17850,2024-01-10,12.5"


def test_the_hash_is_that_of_the_workbook() -> None:
    book = xlsx({"Orders": ORDERS})
    assert read(book).sha256 == sha256(book).hexdigest()


def test_a_huge_sheet_is_refused_and_takes_no_memory() -> None:
    corner = sheet_xml([HEADER]).replace(
        "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )
    with pytest.raises(RefusedError, match="1024 MiB of memory") as caught:
        read(xlsx({"Orders": corner}))
    assert caught.value.reason == "too_much_memory"


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_read() -> None:
    most = workbooks.MOST_UNPACKED
    book = xlsx({"Orders": ORDERS}, extra={"xl/sharedStrings.xml": bytes(most)})
    with pytest.raises(RefusedError, match=f"more than {most:,}; save the sheet as CSV"):
        read(book)


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99])
def test_half_a_workbook_is_refused_as_damaged(keep: float) -> None:
    book = xlsx({"Orders": ORDERS})
    with pytest.raises(RefusedError) as caught:
        read(book[: int(len(book) * keep)])
    assert caught.value.reason == "damaged"


def test_a_workbook_with_broken_xml_is_refused_as_damaged() -> None:
    with pytest.raises(RefusedError, match="save it again, or as CSV") as caught:
        read(xlsx({"Orders": '<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></wrong>'}))
    assert caught.value.reason == "damaged"


def test_a_workbook_without_cells_is_empty() -> None:
    with pytest.raises(RefusedError) as caught:
        read(xlsx({"Empty": [], "Too": []}))
    assert caught.value.reason == "empty_file"


def test_a_protected_workbook_is_refused_with_what_to_do() -> None:
    content = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    )
    with pytest.raises(RefusedError, match="password; save it without one") as caught:
        read(content)
    assert caught.value.reason == "encrypted"


def test_an_old_office_file_that_is_no_workbook() -> None:
    with pytest.raises(RefusedError) as caught:
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    assert caught.value.reason == "damaged"


@pytest.mark.parametrize(
    ("member", "reason"),
    [("Index/Document.iwa", "numbers"), ("word/document.xml", "document"),
     ("ppt/presentation.xml", "document")],
)  # fmt: skip
def test_documents_that_are_no_tables(member: str, reason: str) -> None:
    with pytest.raises(RefusedError, match="CSV or Excel") as caught:
        read(zipped({member: b"x"}))
    assert caught.value.reason == reason


def test_a_refusal_names_the_sheet_where_there_are_several() -> None:
    with pytest.raises(RefusedError, match=r"^'Large': the columns \(x\)") as caught:
        read(xlsx({"Small": [("a",)], "Large": [("x",), ("y",)]}))
    assert caught.value.reason == "unknown_columns"
