"""Ids that differ only in case or leading zeros stay apart, and the import says so."""

import pytest

from tests.unit.ingest.reading.reading import Read, read


def hints(found: Read) -> list[tuple[str, str]]:
    return [(note["about"], note["text"].partition(" and are kept apart")[0])
            for note in found.told if "differ only" in note["text"]]  # fmt: skip


def customers(*ids: str) -> Read:
    return read("customer_id,email\n" + "".join(f"{one},\n" for one in ids))


@pytest.mark.parametrize(
    ("ids", "hint"),
    [
        (("C001", "c001"), "'C001' and 'c001' differ only in upper and lower case"),
        (("abc-9", "X", "ABC-9"), "'abc-9' and 'ABC-9' differ only in upper and lower case"),
        (("ÄB1", "äb1"), "'ÄB1' and 'äb1' differ only in upper and lower case"),
        (("00123", "123"), "'00123' and '123' differ only in leading zeros"),
        (("7", "8", "007"), "'7' and '007' differ only in leading zeros"),
        (("012", "12.0"), "'012' and '12' differ only in leading zeros"),
    ],
)
def test_ids_that_are_alike_are_told(ids: tuple[str, ...], hint: str) -> None:
    found = customers(*ids)
    assert hints(found) == [("column.customer_id", hint)]
    assert found.rows["customer_id"].n_unique() == len(ids)


@pytest.mark.parametrize(
    "ids",
    [("C001", "C001"), ("A@ex.test", "a@EX.test"), ("C01", "C1"), ("12", "120"), ("7", "7.0"),
     ("00123", "00124")],
)  # fmt: skip
def test_other_ids_are_not(ids: tuple[str, ...]) -> None:
    assert hints(customers(*ids)) == []


def test_order_ids_are_looked_at_too_and_pairs_are_counted() -> None:
    found = read("""
        order_id,customer_id,order_date,order_amount
        a1,C1,2026-09-01,5
        A1,C1,2026-09-02,5
        b1,C2,2026-09-03,5
        B1,C2,2026-09-04,5
        """)
    assert [about for about, _ in hints(found)] == ["column.order_id"]
    assert any("first rows: 2)" in note["text"] for note in found.told)
