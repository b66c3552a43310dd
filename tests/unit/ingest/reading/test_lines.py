"""Several rows that make one order, told by the first rows."""

import io
from datetime import UTC, datetime

import pytest

from ingest.reading.reader import Layout, Options, plan
from ingest.reading.survey import survey

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def planned(text: str, **answers: str) -> Layout:
    file = io.BytesIO(text.encode())
    return plan(file, "file.csv", survey(file), Options(now=NOW, answers=answers))


@pytest.mark.parametrize("text", [
    "order_id,customer_id,order_date,sku,amount\n1,C,2025-03-01,A,5\n1,C,2025-03-01,B,7\n",
    "Order ID,Customer ID,Order Date,City,State,Product,Sales\n"
    "1,C,2025-03-01,Rome,Ohio,A,5\n1,C,2025-03-01,Rome,Ohio,B,7\n",
    "Order Number,Customer ID,Order Date,Total,Item\n1,C,2025-03-01,12,A\n1,,,,B\n",
    "Bestellnummer;Kunde;Datum;Artikel;Betrag\n1;C;2025-03-01;A;5\n1;C;2025-03-01;B;7\n",
])  # fmt: skip
def test_lines_with_amounts_of_their_own_add_up_and_that_is_told(text: str) -> None:
    layout = planned(text)
    assert layout.mapping.line_items
    assert not layout.questions
    assert "status" not in layout.mapping.columns  # a state of the country is no status
    assert layout.notes["told"][-1]["about"] == "lines"


@pytest.mark.parametrize(
    "text",
    [
        "order_id,customer_id,order_date,sku,order_total\n1,C,2025-03-01,A,12\n1,C,2025-03-01,B,12\n",
        "order_id,customer_id,order_date,total,updated\n1,C,2025-03-01,9,a\n1,C,2025-03-01,9,b\n",
        "order_id,customer_id,order_date,order_amount\n1,C,2025-03-01,5\n1,C,2025-03-01,7\n",
    ],
)
def test_a_repeated_total_and_a_correction_are_not_added_up(text: str) -> None:
    layout = planned(text)
    assert not layout.mapping.line_items
    assert not layout.questions


@pytest.mark.parametrize(("answer", "adds_up"), [("sum", True), ("last", False)])
@pytest.mark.parametrize("amount", ["amount", "sales", "revenue"])
def test_equal_amounts_of_no_telling_name_are_a_question(
    amount: str, answer: str, adds_up: bool
) -> None:
    line = "1,C,2025-03-01,{},5\n"
    text = f"order_id,customer_id,order_date,sku,{amount}\n{line.format('A')}{line.format('B')}"
    [question] = planned(text).questions
    assert (question.about, question.proposal) == ("lines", "last")
    answered = planned(text, lines=answer)
    assert (answered.mapping.line_items, answered.questions) == (adds_up, ())
