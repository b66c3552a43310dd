"""A file that is not UTF-8 is read in the encoding in which its words are words, or it asks."""

import pytest

from ingest.reading.encodings import weigh
from ingest.refusal import RefusedError
from tests.unit.ingest.reading.reading import Read, read

HEADER = "order_id,customer_id,order_date,order_amount\n"


def shop(names: list[str], codec: str) -> bytes:
    rows = "".join(f"{n},{name},2026-09-0{n},10.00\n" for n, name in enumerate(names, 1))
    return (HEADER + rows).encode(codec)


def names_of(found: Read) -> list[str]:
    return found.rows["customer_id"].to_list()


@pytest.mark.parametrize(
    ("codec", "name", "names"),
    [
        ("cp1252", "windows-1252", ["Jürgen Müller", "Søren Ægir", "Peña", "João", "L’Oréal €"]),
        ("cp1250", "windows-1250", ["Łódź", "Żaneta Łęcka", "Dvořák"]),
        ("cp1250", "windows-1250", ["Kovačić", "Győr"]),
        ("cp1251", "windows-1251", ["Иван Петров", "Юлия"]),
        ("cp1253", "windows-1253", ["Γιώργος Παπαδόπουλος", "Αθήνα"]),
        ("cp1254", "windows-1254", ["Ayşe Yılmaz", "Çağrı Gökşen", "Işık"]),
        ("koi8_r", "koi8-r", ["Иван Петров", "Ольга"]),
        ("cp866", "cp866", ["Иван Петров", "Ольга"]),
        ("mac_roman", "mac-roman", ["Zoë Müller", "François Núñez"]),
        ("cp850", "cp850", ["Jürgen Müller", "Strauß"]),
        ("cp852", "cp852", ["Łódź", "Żaneta Łęcka"]),
        ("gb18030", "gb18030", ["李娜", "王伟", "欧阳明月", "上海市"]),
        ("cp932", "shift-jis", ["田中太郎", "ヤマダ電機", "さくら"]),
        ("cp950", "big5", ["陳大文", "王小明", "台北市林先生"]),
    ],
)
def test_the_words_tell_the_encoding(codec: str, name: str, names: list[str]) -> None:
    found = read(shop(names, codec))
    assert (found.layout.notes["encoding"], found.questions) == (name, {})
    assert names_of(found) == names
    [told] = [note["text"] for note in found.told if note["about"] == "encoding"]
    assert name in told
    assert any(word in told for word in " ".join(names).split())


@pytest.mark.parametrize("codec", ["cp949", "euc_jp", "gb18030"])
def test_where_two_readings_are_as_good_it_asks_and_reads_as_answered(codec: str) -> None:
    names = {"cp949": ["김철수"], "euc_jp": ["鈴木"], "gb18030": ["李娜"]}[codec]
    name = {"cp949": "euc-kr", "euc_jp": "euc-jp"}.get(codec, codec)
    question = read(shop(names, codec)).questions["encoding"]
    labels = {choice.value: choice.label for choice in question.choices}
    assert names[0] in labels[name]
    assert len(labels) >= 2

    answered = read(shop(names, codec), answers={"encoding": name})
    assert (names_of(answered), answered.questions) == (names, {})


def test_an_answer_for_another_file_of_the_header_decides_nothing_in_utf_8() -> None:
    assert names_of(read(shop(["Łódź"], "utf-8"), answers={"encoding": "windows-1250"})) == ["Łódź"]


def test_a_hint_of_the_country_decides_between_equal_readings() -> None:
    raw = [line + b",PLN" for line in ["Ćwik".encode("cp1250")]]
    assert weigh(raw)[0].example == "Ćwik"


def test_a_line_of_another_encoding_in_utf_8_is_read_and_told() -> None:
    good, odd = shop(["Zoë", "Łukasz"], "utf-8"), "3,José,2026-09-03,10.00\n".encode("cp1252")
    found = read(good + odd)
    assert names_of(found) == ["Zoë", "Łukasz", "José"]
    assert next(note["text"] for note in found.told).startswith("Lines that are not UTF-8")


@pytest.mark.parametrize(
    "damage",
    [bytes(range(0x80, 0x100)) * 3, b"\xff\xfe\xfd\x81\x8d\x9d" * 5, b"\x80\xbf\xaf\x8f" * 9],
)
def test_bytes_that_are_no_text_at_all_refuse_the_file(damage: bytes) -> None:
    with pytest.raises(RefusedError, match="line 2") as caught:
        read(HEADER.encode() + b"1," + damage + b",2026-09-01,10.00\n")
    assert caught.value.reason == "unknown_encoding"


def test_a_character_across_two_pieces_of_the_file_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.reading.survey.PIECE", 61)
    names = ["田中太郎", "ヤマダ電機", "さくら", "鈴木一郎"] * 5
    content = HEADER + "".join(
        f"{n},{name},2026-09-01,10.00\n" for n, name in enumerate(names, 10)
    )  # fmt: skip
    assert names_of(read(content.encode("cp932"))) == names


@pytest.mark.parametrize("name", ["Müller", "José", "Łódź", "L’Oréal", "Иван"])
def test_words_that_were_encoded_twice_are_read_as_they_stand_and_told(name: str) -> None:
    garbled = name.encode().decode("cp1252", "ignore")
    found = read(shop([garbled], "utf-8"))
    assert names_of(found) == [garbled]
    told = [note["text"] for note in found.told if note["about"] == "encoding"]
    assert bool(told) == (garbled.encode("cp1252") == name.encode())
    assert all(repr(name) in text for text in told)


@pytest.mark.parametrize("name", ["Ângela", "Ãngel", "ÂME €", "Åse"])
def test_words_that_only_look_like_it_are_not_told(name: str) -> None:
    assert not [note for note in read(shop([name], "utf-8")).told if note["about"] == "encoding"]
