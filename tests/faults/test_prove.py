"""A short proof, so that no change gets far that breaks a promise; `make prove` is the long one."""

import pytest

from tests.prove.proof import prove


@pytest.mark.timeout(420)
async def test_every_promise_holds_while_everything_breaks() -> None:
    proof = await prove(seed=11, seconds=15)
    assert proof.findings == []
    assert proof.faults.total() > 0
    assert proof.files["loaded"] > 0
