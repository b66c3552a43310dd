"""Ids that spreadsheets and people write in several ways are one customer, or one order."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reading.identity import read_ids
from rfm_common.identity import same_id
from tests.unit.ingest.reading.reading import read

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("17850.0", "17850"), (" 17850 ", "17850"), ("0017.0", "0017"),
        ("Case@Ex.Test", "case@ex.test"),
        ("mailto:Ada@ex.test", "ada@ex.test"), ("MAILTO:ada@ex.test", "ada@ex.test"),
        # None of these is a number that became a fraction.
        ("1.0.0", "1.0.0"), ("17850.5", "17850.5"), ("v2.0", "v2.0"), ("17850.00", "17850.00"),
        ("C001", "C001"), ("c001", "c001"), ("00123", "00123"), (".0", ".0"), ("", ""),
        ("@SUM(1)", "@SUM(1)"), ("A @ B", "A @ B"), ("X@", "X@"),
    ],
)  # fmt: skip
def test_an_id_is_kept_under_one_spelling(written: str, kept: str) -> None:
    assert same_id(written) == kept
    assert read_ids(pl.Series([written, "other"])).to_list() == [kept, "other"]


@given(st.lists(ASCII, min_size=1))
def test_a_column_of_ids_is_read_as_each_of_them_is(written: list[str]) -> None:
    kept = read_ids(pl.Series(written, dtype=pl.String)).to_list()
    assert kept == [same_id(text) for text in written]
    assert read_ids(pl.Series(kept, dtype=pl.String)).to_list() == kept


def test_what_was_changed_is_told_with_an_example() -> None:
    found = read("""
        order_id,customer_id,order_date,order_amount
        1001.0,17850.0,2026-09-01,10
        1002.0,Ada@Ex.test,2026-09-02,10
        """)
    assert found.rows["order_id"].to_list() == ["1001", "1002"]
    assert found.rows["customer_id"].to_list() == ["17850", "ada@ex.test"]
    told = [note["text"] for note in found.told if note["about"] == "column.customer_id"]
    assert told[0].startswith("'17850.0' is read as '17850'")
    assert told[1].startswith("'Ada@Ex.test' is read as 'ada@ex.test'")


def test_nothing_is_told_of_ids_that_are_kept_as_they_are() -> None:
    found = read("""
        order_id,customer_id,order_date,order_amount
        1001,C1,2026-09-01,10
        """)
    assert not [note for note in found.told if note["about"].startswith("column.")]
