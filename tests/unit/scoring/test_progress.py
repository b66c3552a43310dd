"""Progress reaches the stream soon, but at most four times a second."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scoring.runs.progress import STEPS, Pace

LOOKS = st.lists(st.tuples(st.floats(0.001, 1.5), st.sampled_from(list(STEPS))), max_size=60)


def told(looks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """What a run tells that is looked at after these pauses, in these steps, on a clock of ours."""
    now, messages = 0.0, []
    pace = Pace(clock=lambda: now)
    for pause, step in looks:
        now += pause
        if pace.is_due(step):
            pace.told(step)
            messages.append((now, step))
    return messages


@given(LOOKS)
def test_at_most_four_times_a_second(looks) -> None:
    moments = [moment for moment, _ in told(looks)]
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(moments))


@given(LOOKS)
def test_never_silent_for_longer_than_two_seconds(looks) -> None:
    """Between two looks 1.5 s apart at most, it is told within 2 s and the next look."""
    moments = [0.0, *(moment for moment, _ in told(looks))]
    assert all(later - earlier <= 2.0 + 1.5 for earlier, later in pairwise(moments))


def test_a_step_is_told_at_once_and_only_once() -> None:
    looks = [(0.3, "load"), (0.1, "load"), (0.3, "load"), (0.1, "features"), (0.3, "features")]
    assert [step for _, step in told(looks)] == ["load", "features"]


def test_a_step_that_follows_too_soon_is_told_a_little_later() -> None:
    looks = [(0.3, "load"), (0.1, "features"), (0.1, "features"), (0.1, "features")]
    assert [step for _, step in told(looks)] == ["load", "features"]
