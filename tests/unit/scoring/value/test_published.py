import pytest

from scoring.value import published
from scoring.value.published import Checked


@pytest.fixture(scope="module")
def checked() -> list[Checked]:
    return published.check()


def test_published_values_come_out_to_every_digit(checked: list[Checked]) -> None:
    assert len(checked) == 13
    assert [value for value in checked if not value.agrees] == []


def test_the_tables_hold_the_published_customers() -> None:
    assert published.cdnow_histories().customers == 2357
    assert len(published.cdnow_amounts()[0]) == 946
