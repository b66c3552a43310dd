"""Text with two bytes a character is read, with its mark or without one."""

import hashlib

import pytest

from ingest.refusal import RefusedError
from tests.unit.ingest.reading.containers.reading import CSV, read

TEXT = CSV.decode().replace("C2", "Zoë 李")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("lines", ["\n", "\r\n"])
def test_utf_16_is_read_and_told(codec: str, lines: str) -> None:
    content = TEXT.replace("\n", lines).encode(codec)
    found = read(content)
    assert found.ids == ["O1", "O2"]
    assert found.rows["customer_id"].to_list() == ["C1", "Zoë 李"]
    assert "Read as UTF-16." in found.sentences
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_a_mark_that_says_big_endian_is_believed() -> None:
    assert read(b"\xfe\xff" + TEXT.encode("utf-16-be")).ids == ["O1", "O2"]


def test_half_a_character_at_the_end_is_damage() -> None:
    with pytest.raises(RefusedError) as caught:
        read(TEXT.encode("utf-16")[:-1])
    assert caught.value.reason == "damaged"


@pytest.mark.parametrize("content", [CSV[:40] + b"\0" + CSV[40:], b"\0\1\2\3" * 40, b"a\0b"])
def test_bytes_that_are_zero_elsewhere_are_no_text(content: bytes) -> None:
    with pytest.raises(RefusedError):
        read(content)
