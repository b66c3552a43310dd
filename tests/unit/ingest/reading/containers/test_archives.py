"""gzip and ZIP: one table each, bounded, damage told."""

import gzip
import io
import tarfile
import zipfile
from hashlib import sha256

import pytest

from ingest.reading.containers import archives
from ingest.refusal import RefusedError
from tests.books import xlsx, zipped
from tests.unit.ingest.reading.containers.reading import CSV, HEADER, read


def refused(content: bytes, **options: int) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        read(content, **options)
    return caught.value.reason, caught.value.message


@pytest.mark.parametrize("content", [CSV, b"\xef\xbb\xbf" + CSV, CSV.replace(b",", b";")])
def test_text_is_read_as_it_is(content: bytes) -> None:
    found = read(content)
    assert (found.ids, found.sha256) == (["O1", "O2"], sha256(content).hexdigest())


@pytest.mark.parametrize("content", [CSV, CSV.replace(b"O1,", b'"O1",'), CSV + b"\n\n"])
def test_lines_that_end_in_cr_alone(content: bytes) -> None:
    found = read(content.replace(b"\n", b"\r"))
    assert (found.ids, found.text) == (["O1", "O2"], content.decode())
    assert "(old Macintosh)" in found.sentences[0]


def test_a_cr_within_a_long_header_is_no_end_of_a_line() -> None:
    header = b'"no\rte","' + b"x" * 5000 + b'",'
    content = header + CSV.replace(b"\nO", b"\na,b,O")
    assert (read(content).ids, read(content).text) == (["O1", "O2"], content.decode())


def test_gzip_is_unpacked_and_known_by_its_own_bytes() -> None:
    packed = gzip.compress(CSV)
    found = read(packed)
    assert (found.ids, found.sha256) == (["O1", "O2"], sha256(packed).hexdigest())


def test_gzip_of_several_members_and_zeros_is_one_text() -> None:
    half = len(CSV) // 2
    assert (
        read(gzip.compress(CSV[:half]) + gzip.compress(CSV[half:]) + bytes(512)).text
        == CSV.decode()
    )


def test_what_follows_gzip_is_ignored_and_told() -> None:
    found = read(gzip.compress(CSV) + b"garbage")
    assert found.text == CSV.decode()
    assert found.sentences[0] == "What follows the compressed content was ignored."


@pytest.mark.parametrize("cut", [5, 12, 40, -1])
def test_cut_gzip_is_damaged(cut: int) -> None:
    assert refused(gzip.compress(CSV)[:cut])[0] == "damaged"


def test_gzip_with_a_wrong_checksum_is_damaged() -> None:
    packed = bytearray(gzip.compress(CSV))
    packed[-6] ^= 1
    assert refused(bytes(packed))[0] == "damaged"


def test_an_archive_is_unpacked_within_the_limit_of_a_file() -> None:
    bomb = CSV + bytes(2**22)
    for content in (gzip.compress(bomb), zipped({"a.csv": bomb})):
        assert refused(content, max_bytes=2**20) == (
            "file_too_large",
            "it has more than 1,048,576 bytes when it is unpacked; split the table",
        )  # fmt: skip


def test_what_grows_as_no_table_does_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_SIZE", 2**20)
    assert "200-fold" in refused(gzip.compress(CSV + bytes(2**22)))[1]


def test_a_zip_with_one_table() -> None:
    found = read(zipped({
        "export/": "", "export/orders.csv": CSV, "__MACOSX/export/._orders.csv": b"\0\5\x16",
        "export/.DS_Store": b"\0", "Thumbs.db": b"x",
    }))  # fmt: skip
    assert found.ids == ["O1", "O2"]
    assert found.sentences[0] == "Read from the ZIP archive: export/orders.csv."


def test_a_workbook_within_an_archive_is_read() -> None:
    book = xlsx({"Orders": [HEADER, ("O1", "C1", "2024-01-10", 5.0)]})
    assert read(zipped({"orders.xlsx": book})).ids == ["O1"]
    assert read(gzip.compress(book)).ids == ["O1"]


ORDERS, CUSTOMERS = CSV, b"customer_id,email\nC1,a@x.test\nC2,b@x.test\nC3,c@x.test\n"


@pytest.mark.parametrize("others", [
    {"README.txt": b"Exported on 2026-11-01.\nThank you.\n"},
    {"notes.txt": b"call Ann\n", "logo.png": b"\x89PNG\r\n\x1a\n\0\0"},
    {"products.csv": b"sku,title,price\nA,Widget,5\n", "terms.pdf": b"%PDF-1.7\n"},
])  # fmt: skip
def test_of_several_files_in_a_zip_the_one_that_fits_is_read(others: dict[str, bytes]) -> None:
    found = read(zipped({**others, "data/orders.csv": ORDERS}))
    assert found.ids == ["O1", "O2"]
    assert "data/orders.csv" in " ".join(found.sentences)
    assert not found.layout.questions


@pytest.mark.parametrize("orders", [ORDERS, ORDERS.replace(b",", b";"), ORDERS[:-1],
    b"\xef\xbb\xbf" + ORDERS])  # fmt: skip
def test_customers_and_orders_in_a_zip_are_a_question(orders: bytes) -> None:
    content = zipped({"customers.csv": CUSTOMERS, "orders.csv": orders})
    question = read(content).questions["sheet"]
    assert question.proposal == "orders.csv"
    assert read(content, {"sheet": "orders.csv"}).ids == ["O1", "O2"]
    chosen = read(content, {"sheet": "customers.csv"})
    assert chosen.rows["email"].to_list() == ["a@x.test", "b@x.test", "c@x.test"]
    assert "Not read: 'orders.csv'." in " ".join(chosen.sentences)


def test_files_of_one_header_in_a_zip_are_read_one_below_the_other() -> None:
    content = zipped({"2024-01.csv": CSV[:-1], "2024-02.csv": CSV.replace(b"\nO", b"\nP")})
    assert read(content).questions["sheet"].proposal == "*"
    found = read(content, {"sheet": "*"})
    assert found.ids == ["O1", "O2", "P1", "P2"]
    assert found.rows["import_line"].to_list() == [2, 3, 5, 6]


def test_a_zip_of_several_files_that_are_no_text_names_them() -> None:
    book = xlsx({"Orders": [HEADER, ("O1", "C1", "2024-01-10", 5.0)]})
    reason, message = refused(zipped({"a.xlsx": book, "b.csv": CSV}))
    assert reason == "several_tables"
    assert "2 files (a.xlsx, b.csv)" in message
    assert "101 files" in refused(zipped({f"{n}.csv": CSV for n in range(101)}))[1]


def test_a_zip_without_a_file() -> None:
    assert refused(zipped({"empty/": ""}))[0] == "empty_file"
    assert refused(zipped({}))[0] == "empty_file"


@pytest.mark.parametrize("inner", [gzip.compress(CSV), zipped({"a.csv": CSV})], ids=["gzip", "zip"])
def test_an_archive_in_an_archive_is_refused(inner: bytes) -> None:
    assert refused(zipped({"a": inner}))[0] == "archive_in_archive"
    assert refused(gzip.compress(inner))[0] == "archive_in_archive"


def test_a_protected_zip_says_so() -> None:
    content = bytearray(zipped({"a.csv": CSV}))
    for place in (content.find(b"PK\3\4") + 6, content.find(b"PK\1\2") + 8):
        content[place] |= 1
    reason, message = refused(bytes(content))
    assert (reason, "password" in message) == ("encrypted", True)


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_half_a_zip_is_damaged(keep: float) -> None:
    content = zipped({"a.csv": CSV * 50})
    assert refused(content[: int(len(content) * keep)])[0] == "damaged"


def test_a_zip_whose_content_was_changed_is_damaged() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", CSV)
    assert refused(file.getvalue().replace(b"O1,C1", b"O9,C9"))[0] == "damaged"


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("a.csv")
        info.size = len(CSV)
        archive.addfile(info, io.BytesIO(CSV))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x28\xb5\x2f\xfd\x00", "zstd"), (b"Rar!\x1a\x07\x01\x00", "rar"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "seven_zip"), (b"%PDF-1.7\n", "pdf"),
        (b"\xfd7zXZ\x00\x00", "xz"), (b"BZh91AY&SY", "bzip2"), (b"SQLite format 3\x00", "sqlite"),
        (_tar(), "tar"), (gzip.compress(_tar()), "tar"), (gzip.compress(b"%PDF-1.7\n"), "pdf"),
        (CSV.decode().encode("utf-32"), "utf_32"),
    ],
    ids=["zstd", "rar", "7z", "pdf", "xz", "bzip2", "sqlite", "tar", "tar in gzip", "pdf in gzip",
         "utf-32"],
)  # fmt: skip
def test_what_is_not_read_is_refused_by_its_name_with_the_next_step(
    content: bytes, reason: str
) -> None:
    found, message = refused(content)
    assert found == reason
    steps = ("unpack it", "export the table as CSV", "save it as UTF-8")
    assert any(step in message for step in steps)


@pytest.mark.parametrize(
    "header",
    [b"BZh_note", b"{a", b"[x]", b"<none>", b"PK", b"Rar", b"%"],
)
def test_a_header_that_looks_like_something_else_is_text(header: bytes) -> None:
    content = header + b"," + CSV.replace(b"\nO", b"\nx,O")
    assert read(content).ids == ["O1", "O2"]
