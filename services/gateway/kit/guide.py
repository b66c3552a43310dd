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


GUIDES = (
    Guide(
        "Champions", "champions", "★",
        "bought recently, came back, and spend more than any other group",
        "Your best customers. Half of them ordered more recently than the typical buyer, most came"
        " back, and no other group spends as much on average. Not every one of them is a big"
        " spender.",
        "Thank them before you sell to them: early access, a say in new products, a reason to"
        " bring a friend. They need no discount.",
    ),
    Guide(
        "Loyal Customers", "loyal-customers", "♥",
        "bought recently and came back; next in worth",
        "Recent customers, most of whom came back. They spend no more on average than your"
        " Champions; by recency, orders and spend together they rank above your Potential"
        " Loyalists.",
        "Show them the next step up: bundles, refills, a loyalty level within reach. Ask them"
        " for reviews.",
    ),
    Guide(
        "Potential Loyalists", "potential-loyalists", "↗",
        "bought recently and came back, for less",
        "Recent customers, most with two orders or more; up to half may have ordered only once. A"
        " habit is forming; it is not loyalty yet.",
        "Help the habit along: a helpful e-mail after each order, a small reward for the next.",
    ),
    Guide(
        "Big Spenders", "big-spenders", "◆",
        "bought recently, mostly once, for more than the average buyer",
        "Recent customers, most with a single order, who spent more on average than all buyers"
        " did. The name says nothing about whether they will come back.",
        "Serve them in person and give them a reason for a second order soon: accessories,"
        " care, priority delivery.",
    ),
    Guide(
        "New Customers", "new-customers", "✦",
        "bought recently, mostly once",
        "Most of them placed their only order of the window recently. Some may have bought before"
        " the window began.",
        "The second order matters most: a welcome, help with the first purchase, one good reason"
        " to return.",
    ),
    Guide(
        "Need Attention", "need-attention", "!",
        "came back, spent no more than the typical buyer, and have been quiet for longer",
        "Most came back at least once. They have been quiet for longer than the typical buyer and,"
        " unlike At Risk, spent no more on average. Up to half ordered only once.",
        "Remind them of what is new in what they bought, for a limited time.",
    ),
    Guide(
        "At Risk", "at-risk", "▼",
        "came back, spent more than the typical buyer, and have gone quiet",
        "Most came back, the group spent well, and they have now been silent for longer than the"
        " typical buyer. They still have an order in the window.",
        "Win them back now, one clear offer at a time. Ask what went wrong; the answer is worth"
        " more than the order.",
    ),
    Guide(
        "Hibernating", "hibernating", "☾",
        "have gone quiet; most ordered once, or they spent little on average",
        "Quiet for longer than the typical buyer. As a group, either most ordered only once,"
        " however much they spent, or they spent no more on average than the typical buyer.",
        "Look for large single orders first: those customers deserve a personal message. For the"
        " others spend little: a seasonal e-mail, a best-seller. Watch who wakes up.",
    ),
    Guide(
        "Lost", "lost", "×",
        "have no order in the window, but had one before",
        "Former customers: everyone here has ordered before, but not within the window.",
        "One last honest message; then take them off the costly lists.",
    ),
    Guide(
        "Prospects", "prospects", "○",
        "have never had an order that counts",
        "People you know who have not bought yet, or whose orders were all cancelled or refunded.",
        "Give them a reason for a first order. Do not try to win back someone who never bought.",
    ),
)  # fmt: skip
CAUSES = {
    "new_customer": "new customer",
    "new_order": "new order",
    "ageing": "time passed without an order",
    "correction": "an order or an exchange rate was corrected",
    "definition": "another window, k, rule, currency, time zone or set of statuses",
    "edges": "everybody else changed",
    "model": "the model was refitted",
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
