"""What each segment means and what to do about it: the words of the pages. Pure."""

from dataclasses import dataclass

SILENT = 0.1
"""With fewer orders per customer a segment is that of those who did not order."""


def slug(segment_name: str) -> str:
    """The name as it may stand in a URL: `At Risk` is `at-risk`."""
    return segment_name.casefold().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Guide:
    """A segment in words; `slug` names it in URLs and style sheets, `glyph` beside its colour."""

    name: str
    slug: str
    glyph: str
    rule: str
    meaning: str
    advice: str
    is_slipping: bool = False


GUIDES = (
    Guide(
        "Champions", "champions", "★",
        "bought recently, often and for much",
        "Your best customers: they bought lately, come back often and spend the most.",
        "Thank them before you sell to them: early access, a say in new products, a reason to"
        " bring a friend. They need no discount.",
    ),
    Guide(
        "Loyal Customers", "loyal-customers", "♥",
        "bought recently and often",
        "They come back again and again, with baskets of an ordinary size.",
        "Show them the next step up: bundles, refills, a loyalty level within reach. Ask them"
        " for reviews.",
    ),
    Guide(
        "Big Spenders", "big-spenders", "◆",
        "bought recently and for much, not often",
        "Few orders, large ones, and recent: they trust you with their money.",
        "Serve them in person and give them a reason for a second order soon: accessories,"
        " care, priority delivery.",
    ),
    Guide(
        "Potential Loyalists", "potential-loyalists", "↗",
        "bought fairly recently and more often than most",
        "Recent customers with more than one order: a habit is forming.",
        "Help the habit along: a helpful mail after each order, a small reward for the next.",
    ),
    Guide(
        "Need Attention", "need-attention", "!",
        "are near the middle in everything",
        "Neither new nor gone, neither large nor small: they can go either way.",
        "Remind them while they still remember you: what is new in what they bought, for a"
        " limited time.",
    ),
    Guide(
        "At Risk", "at-risk", "▼",
        "have been silent for long and ordered seldom",
        "Customers who have not come back for a long time and did not order often.",
        "Win them back now, one clear offer at a time. Ask what went wrong; the answer is worth"
        " more than the order.",
        is_slipping=True,
    ),
    Guide(
        "Hibernating", "hibernating", "☾",
        "placed few and small orders",
        "They bought little and seldom; some are new, most sleep.",
        "Spend little: a seasonal mail, a best-seller. Watch who wakes up.",
        is_slipping=True,
    ),
    Guide(
        "Lost", "lost", "×",
        "have been silent for longer than the others",
        "They once bought as much as others and have stopped.",
        "One last honest message; then take them off the costly lists.",
        is_slipping=True,
    ),
)  # fmt: skip
CAUSES = {
    "new_customer": "first order",
    "new_order": "new order",
    "ageing": "time passed without an order",
    "edges": "everybody else changed",
    "model": "the model was fitted anew",
}
"""Why a customer moved, in words."""

ORDER = {guide.name: position for position, guide in enumerate(GUIDES)}
_BY_NAME = {guide.name: guide for guide in GUIDES}


def guide(name: str) -> Guide:
    """The words for a segment name; a name of another version is shown plainly."""
    unknown = Guide(name, slug(name), "●", "", "", "")
    return _BY_NAME.get(name, unknown)


def rank(name: str) -> int:
    """Where a segment stands from best to worst."""
    return ORDER.get(name, len(ORDER))
