"""What is said where the past is too short to judge by. Pure."""

from collections.abc import Callable
from datetime import date, timedelta

from gateway.values.schemas import Cut, Past, RankedBy, Ranking, TrustReport

HORIZON = 90
"""Days that lists look ahead."""
UNJUDGED = (
    "What is expected has not been judged on this shop's past yet, so lists are ranked by revenue"
    " so far."
)
UNPROVEN = (
    "This shop has no past of 90 days yet on which to judge what is expected, so lists are ranked"
    " by revenue so far."
)


def what_is_missing(days: int, past: Past, written: Callable[[date], str]) -> str | None:
    """One or two sentences; None where nothing is missing."""
    if past.trust:
        return None
    if past.first_day is None:
        return f"Nobody had an order that counts by {written(past.came_until)}."
    since = past.first_day + timedelta(days=days + 1)
    return (
        f"Nobody had bought by {written(past.known_until)}, {days} days before the end: the first"
        f" order is of {written(past.first_day)}. There will be something to compare from"
        f" {written(since)} on."
    )


def ranking_of(cuts: list[Cut]) -> Ranking:
    """By the cut of 90 days, the horizon of lists; what is not proven is not used."""
    if not cuts:
        return Ranking(by="revenue", is_proven=False, sentence=UNJUDGED)
    first = next((cut.trust for cut in cuts if cut.days == HORIZON), None)
    if first is None:
        return Ranking(by="revenue", is_proven=False, sentence=UNPROVEN)
    return Ranking(by=first.best, is_proven=first.is_clear, sentence=first.sentences[0])


def ranking_in(report: TrustReport | None) -> Ranking:
    """What is proven by what has been judged so far."""
    return report.ranking if report else ranking_of([])


def past_error(report: TrustReport | None) -> float | None:
    """Share by which the revenue expected 90 days ago was too high; None where it is not known."""
    cuts = report.cuts if report else []
    return next(
        (cut.trust.revenue_error for cut in cuts if cut.days == HORIZON and cut.trust), None
    )


def label_of(by: RankedBy, window_days: int) -> str:
    """A ranking as a row of a table names it."""
    return {
        "value": "Value to come",
        "revenue": f"Revenue of the last {window_days} days",
        "scores": "Sum of R, F and M scores",
        "recency": "Days since the last order",
    }[by]
