"""A profile as mapping.toml: what comes back reads the same file the same way, asking nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.imports.decision_schemas import ProfileRow
from gateway.imports.profile_rules import as_mapping
from ingest.reading.mapping import read_rules
from ingest.reading.preview import as_rule
from rfm_common.models import Kind
from tests.unit.ingest.reading.reading import Read, read


def profile(found: Read, answers: dict[str, str]) -> ProfileRow:
    """What is kept of a file that was read with these answers."""
    return ProfileRow(
        profile_id=1, name="a\nname", kind=Kind(found.layout.mapping.kind),
        headers=list(found.layout.headers), questions=[], answers=answers,
        learned=found.layout.learned, import_id=1, used_count=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC), last_used_at=None,
    )  # fmt: skip


def again(text: str, answers: dict[str, str]) -> tuple[Read, Read]:
    """The file as it was read, and as the exported rules read it."""
    first = read(text, answers=answers)
    assert not first.questions
    rule: dict[str, Any] = as_rule(first.layout.mapping, first.layout.headers)
    toml = as_mapping(profile(first, answers), rule)
    return first, read(text, rules=read_rules(toml))


GERMAN = "Bestellnummer;Kundennummer;Bestelldatum;Gesamtbetrag;Status\n"
LINES = "order_id,customer_id,order_date,sku,amount\n"


@pytest.mark.parametrize(("text", "answers"), [
    (GERMAN + "1;K1;31.12.2025;1.250,50;Bezahlt\n2;K2;01.12.2025;80,00;Kommission\n",
     {"status.kommission": "completed"}),
    (GERMAN + "1;K1;03/04/2025;1.250;paid\n2;K2;05/06/2025;2.400;paid\n",
     {"date_order": "mdy", "decimal_mark": ","}),
    (LINES + "1,C,2024-01-02,A,5\n1,C,2024-01-02,B,5\n2,C,2024-01-03,A,1\n", {"lines": "last"}),
    (LINES + "1,C,2024-01-02,A,5\n1,C,2024-01-02,B,5\n2,C,2024-01-03,A,1\n", {"lines": "sum"}),
    ("Order,Customer,Date,Qty,Unit Price\n1,C,2024-01-02,2,5\n1,C,2024-01-02,1,3\n", {}),
    ("Date,Customer,Amount\n2024-01-02,C1,5\n2024-01-03,C2,6\n", {}),
    ("order_id,customer_id,order_date,net amount,refunded_amount\n1,C,2024-01-02,5,2\n",
     {"refunded": "included"}),
    ("order_id,customer_id,order_date,order_amount\n1.5E+12,C,2024-01-02,5\n1.5E+12,D,2024-01-02,6\n",
     {"column.order_id": "as_written"}),
    ("customer_id;email;created_at\nC1;a@x.de;03/04/2025\n", {"date_order": "dmy"}),
])  # fmt: skip
def test_what_is_exported_reads_the_same(text: str, answers: dict[str, str]) -> None:
    first, second = again(text, answers)
    assert second.layout.mapping.source == "mapping.toml"
    assert not second.questions
    for name in (*first.rows.columns, *second.rows.columns):
        if name != "status_word":  # what mapping.toml calls a word is the word
            assert second.rows[name].to_list() == first.rows[name].to_list()
    assert second.layout.mapping.line_items == first.layout.mapping.line_items


def test_an_answer_that_was_changed_goes_before_what_the_last_file_was_read_with() -> None:
    answers = {"status.kommission": "completed"}
    found = read(GERMAN + "1;K1;31.12.2025;5,50;Kommission\n", answers=answers)
    rule = as_rule(found.layout.mapping, found.layout.headers)
    text = as_mapping(profile(found, {"status.kommission": "refunded"}), rule)
    assert '"kommission" = "refunded"' in text
    assert text.startswith("# a name\n")
