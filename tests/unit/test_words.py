"""Numbers with their nouns."""

import pytest

from rfm_common.words import some


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 orders"), (1, "1 order"), (2, "2 orders"), (1500, "1,500 orders")]
)
def test_a_number_agrees_with_its_noun(number: int, text: str) -> None:
    assert some(number, "order") == text
