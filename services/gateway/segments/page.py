"""The segments of a snapshot, and one of them in full."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from litestar import Response, get
from litestar.params import FromPath
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clusters.page import Cluster, build_clusters
from gateway.kit.days import DayDep, iso
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.expected import Expected
from gateway.kit.frame import VALUES, Frame, FrameDep
from gateway.kit.guide import CAUSES, Guide, guide
from gateway.kit.numbers import NONE, Numbers
from gateway.kit.pager import query
from gateway.kit.recipe import Recipe
from gateway.kit.render import answer
from gateway.kit.rows import Page
from gateway.kit.schemas import Snapshot
from gateway.kit.snapshots import definition_change, find_run, find_snapshot
from gateway.segments.country_figures import CountryShare, country_mix
from gateway.segments.figures import Segment, SegmentRow, build_rows, list_segments
from gateway.segments.histograms import Histogram, histogram
from gateway.segments.moves import Moves, read_moves, read_points
from gateway.segments.outlook import ToCome, by_value_to_come
from gateway.segments.queries import find_segment, segment_page
from gateway.segments.schemas import CustomerRow
from rfm_common.documents import StoredForecast

BEST = Page(1, 20)


@dataclass(frozen=True, slots=True)
class SegmentsPage:
    """All segments with their meaning."""

    template: ClassVar[str] = "segments.html"
    frame: Frame
    numbers: Numbers
    snapshot: Snapshot
    recipe: Recipe
    rows: list[SegmentRow]
    expected: Expected
    to_come: list[ToCome]
    definition_change: str | None
    is_pinned: bool
    day: date | None
    pin: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure of the segment beside that of everybody."""

    label: str
    value: str
    everybody: str


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """One segment."""

    template: ClassVar[str] = "segment.html"
    frame: Frame
    numbers: Numbers
    snapshot: Snapshot
    recipe: Recipe
    guide: Guide
    segment: Segment
    facts: list[Fact]
    histograms: list[Histogram]
    countries: list[CountryShare]
    centres: list[Cluster]
    sampled: int
    moves: Moves
    definition_change: str | None
    causes: dict[str, str]
    customers: list[CustomerRow]
    is_pinned: bool
    day: date | None
    pin: str
    api_pin: str


@get("/segments")
async def segments(
    frame: FrameDep, session: SessionDep, settings: SettingsDep, day: DayDep
) -> Response[str]:
    """Every segment: how large, how valuable, what it means, what to do."""
    snapshot = await find_snapshot(session, settings, iso(day))
    numbers = frame.numbers.of(snapshot.base_currency)
    before = (
        await list_segments(session, snapshot.previous_run_id) if snapshot.previous_run_id else None
    )
    shown = await list_segments(session, snapshot.run_id)
    forecast = await _forecast(session, snapshot.run_id)
    page = SegmentsPage(
        frame=frame.of("Segments", "segments", () if day else VALUES),
        numbers=numbers,
        snapshot=snapshot,
        recipe=Recipe.of(snapshot),
        rows=build_rows(numbers, shown, before),
        expected=Expected.of(forecast),
        to_come=by_value_to_come(shown, forecast),
        definition_change=await definition_change(
            session, snapshot.previous_run_id, snapshot.run_id
        ),
        is_pinned=day is not None,
        day=day,
        pin=query(date=day),
    )
    return answer(page)


async def _forecast(session: AsyncSession, run_id: int) -> StoredForecast:
    run = await find_run(session, run_id)
    return run.forecast if run else {}


@get("/segments/{name:str}")
async def segment(
    frame: FrameDep, session: SessionDep, settings: SettingsDep, name: FromPath[str], day: DayDep
) -> Response[str]:
    """One segment: figures against everybody's, spread, who came and went, its best customers."""
    snapshot = await find_snapshot(session, settings, iso(day))
    segment_name, _ = await find_segment(session, snapshot, name)
    return answer(await _load(session, frame, snapshot, segment_name, day))


async def _load(
    session: AsyncSession, frame: Frame, snapshot: Snapshot, name: str, day: date | None
) -> SegmentPage:
    numbers, run_id = frame.numbers.of(snapshot.base_currency), snapshot.run_id
    everyone = await list_segments(session, run_id)
    found = next(segment for segment in everyone if segment.name == name)
    points = await read_points(session, run_id, name)
    return SegmentPage(
        frame=frame.of(name, "segments", () if day else VALUES),
        numbers=numbers,
        snapshot=snapshot,
        recipe=Recipe.of(snapshot),
        guide=guide(name),
        segment=found,
        facts=[
            *build_facts(numbers, found, everyone),
            *build_to_come(numbers, found, everyone, await _forecast(session, run_id)),
        ],
        histograms=build_histograms(numbers, points),
        countries=await country_mix(session, run_id, name),
        centres=await _centres(session, run_id, name),
        sampled=len(points),
        moves=await read_moves(session, run_id, name),
        definition_change=await definition_change(session, snapshot.previous_run_id, run_id),
        causes=CAUSES,
        customers=await segment_page(session, snapshot, name, BEST),
        is_pinned=day is not None,
        day=day,
        pin=query(date=day),
        api_pin=query(calc_date=day),
    )


async def _centres(session: AsyncSession, run_id: int, name: str) -> list[Cluster]:
    """The centres of the segment's clusters, as the run measured them."""
    run = await find_run(session, run_id)
    found = build_clusters(run.metrics) if run else []
    return [cluster for cluster in found if cluster.segment_name == name]


def build_facts(numbers: Numbers, segment: Segment, everyone: list[Segment]) -> list[Fact]:
    """The segment's means beside those of all customers."""
    every = Segment(
        name="", share=1.0, monetary_share=1.0, clusters=(),
        customers=sum(item.customers for item in everyone),
        orders=sum(item.orders for item in everyone),
        monetary=sum((item.monetary for item in everyone), start=segment.monetary * 0),
        avg_recency_days=sum(item.avg_recency_days * item.customers for item in everyone)
        / sum(item.customers for item in everyone),
        median_recency_days=0.0,
    )  # fmt: skip
    pairs = [
        ("Customers", numbers.count(segment.customers), numbers.count(every.customers)),
        ("Share of customers", numbers.percent(segment.share), numbers.percent(1)),
        ("Share of revenue", numbers.percent(segment.monetary_share),
         numbers.short_money(every.monetary)),
        ("Revenue each", numbers.money(segment.avg_monetary), numbers.money(every.avg_monetary)),
        ("Orders each", numbers.decimal(segment.avg_frequency, 1),
         numbers.decimal(every.avg_frequency, 1)),
        ("Mean recency", f"{numbers.count(round(segment.avg_recency_days))} d",
         f"{numbers.count(round(every.avg_recency_days))} d"),
    ]  # fmt: skip
    return [Fact(*pair) for pair in pairs]


def build_to_come(
    numbers: Numbers, segment: Segment, everyone: list[Segment], forecast: StoredForecast
) -> list[Fact]:
    """What the segment is expected to spend, beside all customers."""
    names = ("Expected, next 90 days", "Expected each")
    to_come = by_value_to_come(everyone, forecast)
    if not to_come:
        return [Fact(name, NONE, NONE) for name in names]
    here = next(item for item in to_come if item.segment.name == segment.name)
    total = sum((item.revenue for item in to_come), Decimal(0))
    of_each = total / sum(item.customers for item in everyone)
    return [
        Fact(names[0], numbers.short_money(here.revenue), numbers.short_money(total)),
        Fact(names[1], numbers.money(here.each), numbers.money(of_each)),
    ]


def build_histograms(numbers: Numbers, points: list[tuple[int, int, float]]) -> list[Histogram]:
    """How recency, frequency and money spread inside the segment."""
    drawn = (
        histogram("Days since the last order", [point[0] for point in points], numbers.count),
        histogram("Orders", [point[1] for point in points], numbers.count),
        histogram("Revenue", [point[2] for point in points], numbers.money),
    )
    return [item for item in drawn if item]
