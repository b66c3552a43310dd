"""What a file changed, in words."""

from zoneinfo import ZoneInfo

from babel import Locale

from gateway.imports.effects import build_changes, build_hints
from gateway.imports.page import group_key
from gateway.imports.schemas import ImportDetail, RejectGroup
from gateway.imports.words import describe, next_step, sentence
from gateway.kit.numbers import Numbers
from gateway.kit.pager import build_pager
from gateway.kit.rows import Page
from rfm_common.models import ImportState

NUMBERS = Numbers(Locale("en", "GB"), ZoneInfo("UTC"), "EUR")
EFFECTS = {
    "orders_new": 34_751, "orders_updated": 0, "customers_touched": 3768, "new_customers": 2,
    "new_currencies": ["CHF", "SEK"],
    "dominant_customer": {"customer_id": "GUEST/1", "share": 0.3125},
}  # fmt: skip


def test_what_changed_is_counted_and_what_did_not_is_left_out() -> None:
    assert build_changes(EFFECTS, NUMBERS) == [
        ("New orders", "34,751"),
        ("Customers with a new or changed order", "3,768"),
        ("New customers, known only from these orders", "2"),
    ]
    assert build_changes({}, NUMBERS) == []


def test_a_dominant_customer_and_new_currencies_are_pointed_out() -> None:
    dominant, currencies = build_hints(EFFECTS, NUMBERS)
    assert dominant.text.startswith("31.2% of the orders belong to the customer GUEST/1.")
    assert dominant.url == "/dashboard/customers/GUEST%2F1"
    assert currencies.text.startswith("New currency: CHF, SEK.")
    assert build_hints({"new_currencies": [], "dominant_customer": None}, NUMBERS) == []


def test_a_page_of_one_reason_leads_to_the_next_of_the_same() -> None:
    group = RejectGroup(
        reason="empty", column_name="order_id", rows=120, first_line=3, example=None
    )
    pager = build_pager("/x", Page(2, 50), 50, 120, group=group_key(group))
    assert pager.previous_url == "/x?group=empty.order_id&page=1"
    assert pager.next_url == "/x?group=empty.order_id&page=3"
    assert build_pager("/x", Page(1, 50), 50, 60).next_url == "/x?page=2"


def refused(reason: str | None, groups: list[RejectGroup] | None = None) -> ImportDetail:
    """A file in quarantine."""
    row: dict[str, object] = dict.fromkeys(ImportDetail.__struct_fields__)
    state = ImportState.QUARANTINED if reason else ImportState.LOADED
    return ImportDetail(**row | {"reason": reason, "state": state, "reject_groups": groups or []})  # type: ignore[arg-type]


def test_a_refusal_leads_to_what_helps() -> None:
    group = RejectGroup(reason="empty", column_name=None, rows=1, first_line=3, example=None)
    assert next_step(refused("missing_column")) == (
        "Which columns are read",
        "/dashboard/help#files",
    )
    assert next_step(refused("bad_mapping")) == ("Which columns are read", "/dashboard/help#files")
    assert next_step(refused("too_many_rejects", [group])) == ("Show the rows", "#rejects")
    assert next_step(refused("pdf")) == ("Drop it again", "#again")
    assert next_step(refused(None)) is None


def test_notes_are_told_in_words() -> None:
    notes = {"mapping": "own columns", "delimiter": "\t", "decimal_comma": True,
             "seconds": {"a": 1}, "date_order": "dmy", "ignored_columns": ["A", "B"], "guests": 3,
             "header_line": 0, "undone_at": "2026-11-28T01:05:47+00:00",
             "defaults": {"status": "completed"}}  # fmt: skip
    assert describe(notes, NUMBERS) == [
        ("Recognised by", "the names of its columns"), ("Delimiter", "tab"),
        ("Decimal mark", "comma"), ("Date order", "day, month, year"),
        ("Columns not read", "A, B"), ("Undone", "28 Nov 2026, 01:05:47"),
        ("Assumed", "status: completed"),
    ]  # fmt: skip


def test_a_message_becomes_a_sentence() -> None:
    told = [sentence(text) for text in ("the file is empty", "Is it so?", "Done.")]
    assert told == ["The file is empty.", "Is it so?", "Done."]
