"""How a figure changed, in words."""

from dataclasses import dataclass, replace

from gateway.kit.numbers import Numbers

TENFOLD = 10
"""From here on a factor says more than per cent."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference in words; `mood` is good, bad or even."""

    text: str
    arrow: str
    words: str
    mood: str


def relative_change(
    numbers: Numbers, now: float, before: float, *, more_is_better: bool = True
) -> Change | None:
    """By how much a figure grew, None without a figure to compare with."""
    if not before:
        return None
    share = (now - before) / before
    if share >= TENFOLD:
        return _change(f"× {numbers.count(now / before)}", grew=True, more_is_better=more_is_better)
    if abs(share) < 0.0005:
        return Change("no change", "", "no change", "even")
    return _change(numbers.signed_percent(share), share > 0, more_is_better)


def days_change(numbers: Numbers, now: float, before: float) -> Change:
    """By how many days a recency moved; fewer is better."""
    days = round(now - before)
    if not days:
        return Change("no change", "", "no change", "even")
    return _change(f"{numbers.signed(days)} d", days > 0, more_is_better=False)


def count_change(numbers: Numbers, difference: int) -> Change:
    """How many customers a segment won or lost; neither is good or bad by itself."""
    if not difference:
        return Change("0", "", "no change", "even")
    grew = difference > 0
    return Change(
        numbers.signed(difference), "▲" if grew else "▼", "up" if grew else "down", "even"
    )


def not_good(change: Change | None) -> Change | None:
    """The same, but never as good news."""
    return replace(change, mood="even") if change and change.mood == "good" else change


def _change(text: str, grew: bool, more_is_better: bool) -> Change:
    mood = "good" if grew == more_is_better else "bad"
    return Change(text, "▲" if grew else "▼", "up" if grew else "down", mood)
