"""Who went from which segment to which between two snapshots: matrix, Sankey and customers."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get
from msgspec import Meta
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.days import Choice, choices, day_of
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import VALUES, Frame, FrameDep
from gateway.kit.guide import slug
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.schemas import Snapshot
from gateway.kit.snapshots import (
    definition_change,
    find_snapshot,
    list_snapshot_runs,
    snapshot_before,
)
from gateway.migrations.flows import (
    Balance,
    Cell,
    Matrix,
    Reason,
    Row,
    build_balance,
    build_matrix,
    count_causes,
)
from gateway.migrations.queries import ANY_WAY, Way, flows, movers
from gateway.migrations.sankey import Measure, Sankey, build_sankey
from gateway.migrations.schemas import Mover
from gateway.segments.figures import list_segments
from gateway.segments.queries import find_segment
from rfm_common.errors import InvalidInputError, NotFoundError
from rfm_common.settings import Settings

MOVERS = 50
PATH = "/dashboard/migrations"
Text = Annotated[str, Meta(max_length=100)]


class Query(msgspec.Struct, frozen=True):
    """What a browser may ask, with its limits."""

    after: Text | None = msgspec.field(default=None, name="to")
    before: Text | None = msgspec.field(default=None, name="from")
    measure: Literal["customers", "revenue"] = "customers"
    view: Literal["matrix", "sankey"] = "matrix"
    movers: Literal[0, 1] = 0
    source: Text | None = None
    target: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The page's query; what is None or the default is left out of addresses."""

    after: str | None = None
    before: str | None = None
    measure: str = "customers"
    view: str = "matrix"
    movers: int = 0
    source: str | None = None
    target: str | None = None

    def url(self, **changes: object) -> str:
        """The page's address with some parameters changed."""
        return f"{PATH}?{urlencode(replace(self, **changes).given())}".rstrip("?")  # type: ignore[arg-type]

    def given(self) -> dict[str, object]:
        """The parameters that differ from their defaults."""
        names, defaults = {"after": "to", "before": "from"}, asdict(Asked())
        return {
            names.get(name, name): value
            for name, value in asdict(self).items()
            if value != defaults[name]
        }

    @property
    def by_money(self) -> bool:
        """Whether amounts are shown instead of customers."""
        return self.measure == "revenue"


@dataclass(frozen=True, slots=True)
class MigrationsPage:
    """The flows of two snapshots; without an earlier one only the words."""

    template: ClassVar[str] = "migrations.html"
    frame: Frame
    numbers: Numbers
    asked: Asked
    after: Snapshot
    before: Snapshot | None
    definition_change: str | None
    matrix: Matrix | None
    sankey: Sankey | None
    balance: Balance | None
    silent: set[str]
    causes: list[Reason]
    movers: list[Mover] | None
    way: Way
    from_days: list[Choice]
    to_days: list[Choice]
    query: str
    movers_query: str


def _asked(request: Request[Any, Any, Any]) -> Asked:
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        query = msgspec.convert(given, Query, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(str(error)) from error
    return Asked(**msgspec.structs.asdict(query))


@get("/migrations")
async def migrations(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep, settings: SettingsDep
) -> Response[str]:
    """Flows between `from` and `to`; without them the newest snapshot and the one before it."""
    asked, zone = _asked(request), settings.zone
    after = await find_snapshot(session, settings, asked.after)
    before = await _before(session, settings, after, asked.before)
    found = await flows(session, before, after) if before else []
    silent = {item.name for item in await list_segments(session, after.run_id) if item.is_silent}
    matrix = build_matrix(found, silent) if found else None
    way = await _way(session, before, after, asked) if before else ANY_WAY
    snapshots = await list_snapshot_runs(session)
    numbers = frame.numbers.of(after.base_currency)
    query = _query(before, after, zone)
    page = MigrationsPage(
        frame=frame.of("Migrations", "migrations", () if asked.after else VALUES),
        numbers=numbers,
        asked=asked,
        after=after,
        before=before,
        definition_change=await definition_change(session, before.run_id, after.run_id)
        if before else None,
        matrix=matrix,
        sankey=build_sankey(matrix, _measure(asked)) if matrix and asked.view == "sankey" else None,
        balance=build_balance(found, silent) if found else None,
        silent=silent,
        causes=count_causes(found),
        movers=await movers(session, before, after, MOVERS, way)
        if before and asked.movers else None,
        way=way,
        from_days=choices(_earlier(snapshots, after), zone, numbers,
                          day_of(before.calc_date, zone) if before else None),
        to_days=choices(snapshots, zone, numbers, day_of(after.calc_date, zone)),
        query=urlencode(query),
        movers_query=urlencode(query | _way_query(way)),
    )  # fmt: skip
    return answer(page)


def _measure(asked: Asked) -> Measure:
    def size(item: Row | Cell) -> float:
        return float(item.money if asked.by_money else item.customers)

    return size


async def _way(session: AsyncSession, before: Snapshot, after: Snapshot, asked: Asked) -> Way:
    """The exact names of the segments whose movers are asked for."""
    source = (await find_segment(session, before, asked.source))[0] if asked.source else None
    target = (await find_segment(session, after, asked.target))[0] if asked.target else None
    return Way(source, target)


def _way_query(way: Way) -> dict[str, str]:
    named = {"from_segment": way.source, "to_segment": way.target}
    return {key: slug(name) for key, name in named.items() if name}


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


def _query(before: Snapshot | None, after: Snapshot, zone: ZoneInfo) -> dict[str, str]:
    days = {"from": before.calc_date if before else None, "to": after.calc_date}
    return {name: str(day_of(moment, zone)) for name, moment in days.items() if moment}
