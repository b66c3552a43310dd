"""A currency may be a code, a sign or a name; a sign that several use is a question."""

import pytest

from tests.unit.ingest.reading.test_style import with_amounts


@pytest.mark.parametrize(
    ("written", "code"),
    [("€", "EUR"), ("£", "GBP"), ("zł", "PLN"), ("Euro", "EUR"), ("euros", "EUR"), ("eur", "EUR"),
     ("US Dollar", "USD"), ("US dollars", "USD"), ("US$", "USD"), ("us dollar", "USD"),
     ("us$", "USD"),
     ("Schweizer Franken", "CHF"), ("Britische Pfund", "GBP"), ("złoty polski", "PLN"),
     ("日本円", "JPY"), ("", "")],
)  # fmt: skip
def test_what_a_column_of_currencies_says(written: str, code: str) -> None:
    found = with_amounts("10.00", currency=written)
    assert (found.rows["currency"].to_list(), found.questions) == ([code], {})


@pytest.mark.parametrize(("sign", "one"), [("$", "USD"), ("¥", "CNY"), ("kr", "NOK")])
def test_a_sign_that_several_currencies_use_is_a_question(sign: str, one: str) -> None:
    question = with_amounts("10.00", currency=sign).questions[f"currency.{sign}"]
    assert question.proposal == "shop"
    for answer, code in ((one, one), ("shop", "")):
        answered = with_amounts("10.00", currency=sign, answers={f"currency.{sign}": answer})
        assert (answered.rows["currency"].to_list(), answered.questions) == ([code], {})


def test_a_word_that_is_no_currency_is_listed() -> None:
    found = with_amounts("10.00", currency="monopoly money")
    assert found.rejects["reason"].to_list() == ["currency_unknown"]
