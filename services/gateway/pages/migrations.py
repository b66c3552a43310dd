"""Who went from which segment to which between two snapshots, as a matrix."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from litestar import Request, Response, get
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.dependencies import SessionDep, SettingsDep
from gateway.pages.days import Choice, choices, day_of
from gateway.pages.frame import SCORES, Frame, FrameDep
from gateway.pages.guide import rank
from gateway.pages.numbers import Numbers
from gateway.pages.render import answer
from gateway.pages.segments import CAUSES
from gateway.queries.migrations import flows, movers
from gateway.queries.snapshots import find_snapshot, list_snapshots, snapshot_before
from gateway.schemas.common import Snapshot
from gateway.schemas.migrations import Flow, Mover
from rfm_common.errors import NotFoundError
from rfm_common.settings import Settings

MOVERS = 50
STAYED = "stayed"


@dataclass(frozen=True, slots=True)
class Cell:
    """What went one way; `direction` is up, down, stay or none."""

    customers: int
    money: Decimal
    direction: str


@dataclass(frozen=True, slots=True)
class Row:
    """Everything that left one segment; an empty name stands for new customers."""

    name: str
    cells: list[Cell]
    customers: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Flows as a table: rows are where from, columns where to, best segment first."""

    columns: list[str]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Balance:
    """How many moved towards better segments, to worse ones, came, went and stayed."""

    up: int
    down: int
    stayed: int
    arrived: int


@dataclass(frozen=True, slots=True)
class MigrationsPage:
    """The matrix of two snapshots; without an earlier one only the words."""

    template: ClassVar[str] = "migrations.html"
    frame: Frame
    numbers: Numbers
    after: Snapshot
    before: Snapshot | None
    matrix: Matrix | None
    balance: Balance | None
    causes: list[tuple[str, int]]
    by_money: bool
    movers: list[Mover] | None
    from_days: list[Choice]
    to_days: list[Choice]
    query: str


@get("/migrations")
async def migrations(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep, settings: SettingsDep
) -> Response[str]:
    """Flows between `from` and `to`; without them the newest snapshot and the one before it."""
    asked = request.query_params
    after = await find_snapshot(session, settings, asked.get("to") or None)
    before = await _before(session, settings, after, asked.get("from"))
    found = await flows(session, before, after) if before else []
    wants_movers = before is not None and asked.get("movers") == "1"
    snapshots = [(item.run_id, item.calc_date) for item in await list_snapshots(session)]
    numbers = frame.numbers.of(after.base_currency)
    zone = settings.zone
    page = MigrationsPage(
        frame=frame.of("Migrations", "migrations", () if asked.get("to") else SCORES),
        numbers=numbers,
        after=after,
        before=before,
        matrix=build_matrix(found) if found else None,
        balance=build_balance(found) if found else None,
        causes=count_causes(found),
        by_money=asked.get("measure") == "revenue",
        movers=await movers(session, before, after, MOVERS) if wants_movers and before else None,
        from_days=choices(_earlier(snapshots, after), zone, numbers,
                          day_of(before.calc_date, zone) if before else None),
        to_days=choices(snapshots, zone, numbers, day_of(after.calc_date, zone)),
        query=_query(before, after, zone),
    )  # fmt: skip
    return answer(page)


async def _before(
    session: AsyncSession, settings: Settings, after: Snapshot, asked: str | None
) -> Snapshot | None:
    if asked:
        return await find_snapshot(session, settings, asked)
    try:
        return await snapshot_before(session, settings, after)
    except NotFoundError:
        return None


def _earlier(snapshots: list[tuple[int, datetime]], after: Snapshot) -> list[tuple[int, datetime]]:
    return [item for item in snapshots if item[1] < after.calc_date]


def _query(before: Snapshot | None, after: Snapshot, zone: ZoneInfo) -> str:
    if before is None:
        return f"to={day_of(after.calc_date, zone)}"
    return f"from={day_of(before.calc_date, zone)}&to={day_of(after.calc_date, zone)}"


def direction(source: str | None, target: str | None) -> str:
    """Whether a move leads to a better segment; new customers and leavers have none."""
    if not source or not target:
        return "none"
    difference = rank(target) - rank(source)
    return "stay" if not difference else "down" if difference > 0 else "up"


def build_matrix(found: Sequence[Flow]) -> Matrix:
    """The flows of all causes added up; new customers last."""
    customers: Counter[tuple[str, str]] = Counter()
    money: dict[tuple[str, str], Decimal] = {}
    for flow in found:
        way = (flow.from_segment or "", flow.to_segment or "")
        customers[way] += flow.customers
        money[way] = money.get(way, Decimal(0)) + flow.monetary_after
    sources = sorted({source for source, _ in customers}, key=lambda name: (not name, rank(name)))
    targets = sorted({target for _, target in customers}, key=lambda name: (not name, rank(name)))
    rows = [
        Row(
            source,
            [
                Cell(
                    customers[source, target],
                    money.get((source, target), Decimal(0)),
                    direction(source, target),
                )
                for target in targets
            ],
            sum(customers[source, target] for target in targets),
        )
        for source in sources
    ]
    return Matrix(targets, rows)


def build_balance(found: Sequence[Flow]) -> Balance:
    """The matrix in four figures."""
    count: Counter[str] = Counter()
    for flow in found:
        count[direction(flow.from_segment, flow.to_segment)] += flow.customers
    arrived = sum(flow.customers for flow in found if not flow.from_segment)
    return Balance(count["up"], count["down"], count["stay"], arrived)


def count_causes(found: Sequence[Flow]) -> list[tuple[str, int]]:
    """Customers who changed segment, by reason in words; empty where reasons are not known."""
    count: Counter[str] = Counter()
    for flow in found:
        if flow.cause and flow.from_segment != flow.to_segment:
            count[CAUSES.get(flow.cause, flow.cause)] += flow.customers
    return count.most_common()
