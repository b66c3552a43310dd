"""Every attempt of `make attack` once, so that no change lets anybody in."""

import pytest

from tests.attack.__main__ import attack


@pytest.mark.timeout(900)
async def test_nothing_that_is_tried_breaks() -> None:
    table = await attack(seed=11, without={"proven"})  # this suite runs those tests by itself
    assert table.broke == []
    assert len(table.rows) > 40
