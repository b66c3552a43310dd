"""One customer: scores in words, segments over time and why they changed, orders in sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar
from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath

from gateway.customers import queries
from gateway.customers.outlook import find_outlook, find_why_none, in_words
from gateway.customers.queries import CustomerRecord
from gateway.customers.reasons import find_near, find_reason
from gateway.customers.schemas import CustomerScores, NearBorder, OrderRow, Outlook, Reason
from gateway.customers.spending import Drawing, draw, spent_by_stretch
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import VALUES, Frame, FrameDep
from gateway.kit.guide import CAUSES
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.rows import Page
from gateway.kit.snapshots import latest_snapshot
from rfm_common.errors import NotFoundError
from rfm_common.identity import same_id

ORDERS = 100
EXPLAINED = 12
"""So many changes of segment are listed with their reason."""
FIGURES = {"recency_days": "Recency", "frequency": "Orders", "monetary": "Revenue"}
STANDING = {5: "top 20%", 4: "top 40%", 3: "middle", 2: "bottom 40%", 1: "bottom 20%"}
"""A score in words: where it puts a customer among those with an order."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One of the three figures with its score in words."""

    label: str
    value: str
    score: int
    words: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of snapshots in one segment, and why it began."""

    segment_name: str
    since: CustomerScores
    snapshots: int
    reason: str


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """One customer."""

    template: ClassVar[str] = "customer.html"
    frame: Frame
    numbers: Numbers
    customer: CustomerRecord
    address: str
    scores: CustomerScores | None
    window_days: int
    standings: list[Standing]
    stages: list[Stage]
    moves: list[str]
    near: NearBorder | None
    outlook: Outlook | None
    no_outlook: str | None
    expected: list[str]
    drawing: Drawing | None
    centroid: dict[str, Any]
    counted: list[OrderRow]
    others: list[OrderRow]
    orders_total: int
    timeline_run: int | None


@get("/customers/{customer_id:str}")
async def customer(
    frame: FrameDep, session: SessionDep, settings: SettingsDep, customer_id: FromPath[str]
) -> Response[str]:
    """Everything that is known of one customer."""
    found = await queries.find_customer(session, same_id(customer_id))
    if found is None:
        raise NotFoundError(f"There is no customer {customer_id!r}.")
    customer_id = found.customer_id
    history = await queries.customer_history(session, customer_id)
    snapshot = await latest_snapshot(session)
    scores = history[0] if history else None
    orders = await queries.customer_orders(
        session, settings, customer_id, snapshot, Page(1, ORDERS)
    )
    numbers = frame.numbers.of(snapshot.base_currency if snapshot else None)
    has_cluster = snapshot and scores and scores.run_id == snapshot.run_id
    outlook = await find_outlook(session, customer_id, scores) if scores else None
    drawing = None
    if outlook and scores:
        until, currency = scores.calc_date, snapshot.base_currency if snapshot else None
        spent = await spent_by_stretch(session, settings, customer_id, until, currency)
        drawing = draw(spent, outlook, until, settings.zone)
    score = await queries.cluster_score(session, scores, customer_id) if has_cluster else {}  # type: ignore[arg-type]
    page = CustomerPage(
        frame=frame.of(customer_id, "customers", VALUES),
        numbers=numbers,
        customer=found,
        address=quote(customer_id, safe=""),
        scores=scores,
        window_days=snapshot.window_days if snapshot else settings.window_days,
        standings=build_standings(numbers, scores) if scores else [],
        stages=build_stages(history, await _reasons(session, history)),
        moves=build_moves(await find_reason(session, history)),
        near=await find_near(session, history),
        outlook=outlook,
        no_outlook=await find_why_none(session, customer_id, scores)
        if scores and not outlook
        else None,
        expected=in_words(numbers, outlook, scores) if outlook and scores else [],
        drawing=drawing,
        centroid=score.get("centroid", {}),
        counted=[order for order in orders if order.is_counted],
        others=[order for order in orders if not order.is_counted],
        orders_total=await queries.count_orders(session, customer_id),
        timeline_run=snapshot.run_id if snapshot else None,
    )
    return answer(page)


def build_standings(numbers: Numbers, scores: CustomerScores) -> list[Standing]:
    """Recency, frequency and money with their place among all customers with an order."""
    if not scores.frequency:
        none = "no counted order in the window"
        return [
            Standing("Recency", "–", scores.r_score, none),
            Standing("Orders", "0", scores.f_score, none),
            Standing("Revenue", numbers.exact_money(scores.monetary), scores.m_score, none),
        ]
    days = {0: "today", 1: "yesterday"}.get(
        scores.recency_days, f"{numbers.count(scores.recency_days)} days ago"
    )
    return [
        Standing("Last order", days, scores.r_score, STANDING[scores.r_score]),
        Standing(
            "Orders", numbers.count(scores.frequency), scores.f_score, STANDING[scores.f_score]
        ),
        Standing(
            "Revenue", numbers.exact_money(scores.monetary), scores.m_score,
            STANDING[scores.m_score],
        ),
    ]  # fmt: skip


async def _reasons(session: SessionDep, history: Sequence[CustomerScores]) -> dict[int, str]:
    """Why the newest changes of segment came about, by the run that brought them."""
    changes = [pair for pair in pairwise(history) if pair[0].segment_name != pair[1].segment_name]
    reasons = {}
    for now, before in changes[:EXPLAINED]:
        if reason := await find_reason(session, [now, before]):
            reasons[now.run_id] = CAUSES[reason.cause]
    return reasons


def build_stages(history: Sequence[CustomerScores], reasons: Mapping[int, str]) -> list[Stage]:
    """Stretches in the same segment, newest first, from a history that is newest first."""
    stages: list[Stage] = []
    for scores in reversed(history):
        if stages and stages[-1].segment_name == scores.segment_name:
            last = stages.pop()
            stages.append(Stage(last.segment_name, last.since, last.snapshots + 1, last.reason))
        else:
            reason = reasons.get(scores.run_id, "") if stages else "first seen"
            stages.append(Stage(scores.segment_name, scores, 1, reason))
    return stages[::-1]


def build_moves(reason: Reason | None) -> list[str]:
    """What moved each score since the snapshot before; scores that stayed are left out."""
    moved = [score for score in reason.scores if score.before != score.after] if reason else []
    return [
        f"{FIGURES[score.figure]} {score.before} → {score.after}: {CAUSES[score.cause]}"
        for score in moved
    ]
