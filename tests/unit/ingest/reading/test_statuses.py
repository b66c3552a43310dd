"""Words for an order's status: known ones are translated, the others are asked about."""

import io
import tomllib
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files

import polars as pl
import pytest

from ingest.reading import statuses
from ingest.reading.mapping import read_rules
from ingest.reading.names import key
from ingest.reading.reader import Layout, Options, batches, plan
from ingest.reading.statuses import meaning, translate
from ingest.reading.survey import survey

HEADER = "order_id,customer_id,order_date,order_amount,status\n"


def planned(words: list[str], **options: object) -> tuple[io.BytesIO, Layout]:
    lines = (f"O{n},C{n},2025-03-01,5.00,{word}\n" for n, word in enumerate(words))
    file = io.BytesIO((HEADER + "".join(lines)).encode())
    options = {"now": datetime(2026, 1, 1, tzinfo=UTC), **options}
    return file, plan(file, "shop.csv", survey(file), Options(**options))


def read(words: list[str], **options: object) -> list[tuple[str, str | None]]:
    """Status and word of each row."""
    file, layout = planned(words, **options)
    [batch] = batches(file, layout)
    return list(batch.rows.select("status", "status_word").iter_rows())


@pytest.mark.parametrize(("word", "status"), [
    ("Shipped", "completed"), ("PAID ", "completed"), ("complete", "completed"),
    ("wc-processing", "completed"), ("partially_refunded", "completed"),
    ("Payment accepted", "completed"), ("Zahlung eingegangen", "completed"),
    ("Paiement accepté", "completed"), ("Betaling aanvaard", "completed"),
    ("Odesláno", "completed"), ("Kargoya Verildi", "completed"), ("ДОСТАВЛЕН", "completed"),
    ("発送済み", "completed"), ("已发货", "completed"), ("Skickad", "completed"),
    ("Wysłane", "completed"), ("ENVIADO", "completed"), ("In consegna", "completed"),
    ("Canceled", "cancelled"), ("wc-cancelled", "cancelled"), ("VOIDED", "cancelled"),
    ("Storniert", "cancelled"), ("İptal edildi", "cancelled"), ("キャンセル", "cancelled"),
    ("refunded", "refunded"), ("Remboursé", "refunded"), ("Charge-back", "refunded"),
    ("on-hold", "pending"), ("on_hold", "pending"), ("wc-on-hold", "pending"),
    ("Pending Payment", "pending"), ("awaiting_payment", "pending"), ("draft", "pending"),
    ("In attesa di pagamento", "pending"), ("待付款", "pending"),
    ("", "completed"), ("-", "completed"),
])  # fmt: skip
def test_common_words_are_known(word: str, status: str) -> None:
    assert meaning(word.strip().lower(), {}) == status


@pytest.mark.parametrize("word", ["2", "5", "sent to warehouse 7", "xq", "фыва", "offen"])
def test_other_words_and_codes_are_not(word: str) -> None:
    assert meaning(word, {}) is None


def test_no_word_of_the_table_means_two_things() -> None:
    table = tomllib.loads(files("ingest.reading").joinpath("statuses.toml").read_text("utf-8"))
    meant = {(key(word), status) for status, languages in table.items()
             for words in languages.values() for word in words}  # fmt: skip
    assert [word for word, count in Counter(word for word, _ in meant).items() if count > 1] == []


def test_a_word_is_translated_and_kept() -> None:
    assert read(["completed", "Shipped", "", "CANCELED"]) == [
        ("completed", None), ("completed", "shipped"), ("completed", ""),
        ("cancelled", "canceled"),
    ]  # fmt: skip


def test_statuses_of_our_own_need_no_second_column() -> None:
    words = pl.Series(["completed", "cancelled", "refunded", "pending"])
    assert translate(words, {})[0] is words


@pytest.mark.parametrize(("words", "proposals"), [
    (["2", "2", "cancelled"], {"2": "completed"}),
    (["2", "2", "5", "7"], {"2": "completed", "5": "pending", "7": "pending"}),
    (["paid", "kulanz", "kulanz"], {"kulanz": "pending"}),
    (["Sent by courier: delivered", "Order canceled by shop"],
     {"sent by courier: delivered": "completed", "order canceled by shop": "cancelled"}),
])  # fmt: skip
def test_a_word_that_is_not_known_is_a_question(
    words: list[str], proposals: dict[str, str]
) -> None:
    questions = planned(words)[1].questions
    assert {one.about: one.proposal for one in questions} == {
        f"status.{word}": status for word, status in proposals.items()
    }
    assert all(f"of {len(words)} orders" in one.found for one in questions)
    assert {choice.value for choice in questions[0].choices} == {
        "completed", "cancelled", "refunded", "pending"}  # fmt: skip


def test_a_word_behind_the_first_rows_counts_in_what_is_found() -> None:
    words = ["2", *["paid"] * 3000, *["2"] * 4]
    [question] = planned(words)[1].questions
    assert question.found == "5 of 3,005 orders have it"


def test_an_answer_translates_the_word() -> None:
    answers = {"status.2": "completed", "status.5": "refunded"}
    assert planned(["2", "5"], answers=answers)[1].questions == ()
    assert read(["2", "5"], answers=answers) == [("completed", "2"), ("refunded", "5")]


def test_a_column_of_many_unknown_words_is_asked_about_as_a_whole() -> None:
    words = [f"note {number}" for number in range(20)]
    [question] = planned(words)[1].questions
    assert (question.about, question.proposal) == ("column.status", "none")
    layout = planned(words, answers={"column.status": "none"})[1]
    assert (layout.questions, layout.mapping.ignored) == ((), ["status"])
    assert set(read(words, answers={"column.status": "none"})) == {("completed", "")}
    assert planned(words, answers={"column.status": "status"})[1].questions == ()
    assert read(words, answers={"column.status": "status"})[0] == ("note 0", None)


def test_words_that_the_operator_lists_are_not_asked_about() -> None:
    assert planned(["2", "odd"], counted_words=frozenset({"2"}))[1].questions == ()


def test_a_mapping_toml_says_what_words_mean() -> None:
    rules = read_rules("""
        [[file]]
        name = "shop.csv"
        kind = "orders"
        statuses = { 2 = "completed", storno = "void" }
        [file.columns]
        order_id = "order_id"
        customer_id = "customer_id"
        order_date = "order_date"
        order_amount = "order_amount"
        status = "status"
        """)
    assert planned(["2", "Storno"], rules=rules)[1].questions == ()
    assert [status for status, _ in read(["2", "Storno"], rules=rules)] == [
        "completed", "cancelled"]  # fmt: skip


def test_which_orders_count_is_what_sql_says() -> None:
    words = pl.Series([None, "paid", "", "2"], dtype=pl.String)
    states = pl.Series(["completed", "completed", "completed", "2"])
    counted = [statuses.is_counted(words, states, frozenset(listed)).to_list()
               for listed in ([], ["paid"], ["2", "completed"])]  # fmt: skip
    assert counted == [[True, True, True, False], [False, True, True, False],
                       [True, False, True, True]]  # fmt: skip
