"""What MySQL and PostgreSQL write into cells: a mark for no value, a backslash before a quote."""

import pytest

from ingest.refusal import RefusedError
from tests.unit.ingest.reading.reading import Read, read

HEAD = "order_id{0}customer_id{0}order_date{0}order_amount{0}status{0}note\n"


def rows(of: Read) -> list[tuple[str, str, float]]:
    return [(order, customer, float(amount)) for order, customer, amount
            in of.rows.select("order_id", "customer_id", "order_amount").iter_rows()]  # fmt: skip


@pytest.mark.parametrize(("comma", "quote"), [("\t", ""), (",", '"'), (";", '"')])
def test_a_cell_without_a_value_is_blank(comma: str, quote: str) -> None:
    cells = [f"{quote}{one}{quote}" for one in ("1", "C1", "2026-03-01", "10")]
    text = HEAD.format(comma) + comma.join([*cells, r"\N", r"\N"]) + "\n"
    text += comma.join(["2", r"\N", *cells[2:], r"\N", "x"]) + "\n"
    found = read(text)
    assert rows(found) == [("1", "C1", 10)]
    assert found.rows["status"].to_list() == ["completed"]
    assert found.rejects["reason"].to_list() == ["no_customer"]
    assert not found.questions


@pytest.mark.parametrize("note", [
    r'"7\" frame, black"', r'"says \"hi\", twice"', r'"ends in \\"', r'"{\"a\": \"b\", \"c\": 1}"',
    '"two\\"\nlines, \\"both\\""',
])  # fmt: skip
def test_quotes_with_a_backslash_are_quotes(note: str) -> None:
    text = HEAD.format(",")
    text += f'"1","C1","2026-03-01","10","paid",{note}\n"2","C2","2026-03-02","5","paid","5\\" x"\n'
    found = read(text)
    assert rows(found) == [("1", "C1", 10), ("2", "C2", 5)]
    assert "quotes" in {item["about"] for item in found.told}


@pytest.mark.parametrize("note", [r'"C:\dir\"', r'"{""a"": ""b\""c""}"', r'"100 \ 200"'])
def test_a_backslash_is_one_where_quotes_are_doubled(note: str) -> None:
    text = HEAD.format(",") + f'"1","C1","2026-03-01","10","paid",{note}\n'
    text += '"2","C2","2026-03-02","5","paid","a ""b"" c"\n'
    found = read(text)
    assert rows(found) == [("1", "C1", 10), ("2", "C2", 5)]
    assert not found.told


def test_a_file_that_neither_way_makes_sense_of_is_refused_as_before() -> None:
    text = HEAD.format(",") + '"1","C1","2026-03-01","10","paid","a\\"b"\n"2","C"x"2","y\n'
    with pytest.raises(RefusedError) as refused:
        read(text)
    assert refused.value.reason == "text_after_quote"


def test_between_quotes_the_mark_is_text() -> None:
    found = read(HEAD.format(",") + '"1","\\N","2026-03-01","10","","x"\n2,C2,2026-03-01,10,,\\N\n')
    assert rows(found) == [("1", "\\N", 10), ("2", "C2", 10)]
