"""The list of customers of value who are going quiet."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Request, Response, get
from litestar.params import FromQuery

from gateway.kit.days import DayDep, iso
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import JUDGED, Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.pager import Pager, asked_page, build_pager, query
from gateway.kit.recipe import Recipe
from gateway.kit.render import answer
from gateway.kit.schemas import Snapshot
from gateway.kit.snapshots import find_snapshot
from gateway.quiet.queries import Slipping, find_slipping, quiet_page
from gateway.quiet.schemas import QuietRow
from gateway.values.queries import ranking

PATH = "/dashboard/going-quiet"
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class QuietPage:
    """One page of the list."""

    template: ClassVar[str] = "quiet.html"
    frame: Frame
    numbers: Numbers
    snapshot: Snapshot
    recipe: Recipe
    country: str | None
    slipping: Slipping | None
    customers: list[QuietRow]
    by_loss: bool
    why: str
    """Why they stand in this order."""
    pager: Pager
    here: str


@get("/going-quiet")
async def going_quiet(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep, settings: SettingsDep,
    day: DayDep, country: FromQuery[str | None] = None,
) -> Response[str]:  # fmt: skip
    """Who they are, the largest loss first once it is known; `country` and `date` narrow."""
    snapshot = await find_snapshot(session, settings, iso(day))
    page = asked_page(request, PAGE_SIZE)
    slipping = await find_slipping(session, snapshot.run_id, country or None)
    by_loss = snapshot.has_outlook and snapshot.ranks_by_value
    found = await quiet_page(session, snapshot, page, country or None, by_loss=by_loss)
    kept = {"country": country or "", "date": iso(day) or ""}
    view = QuietPage(
        frame=frame.of("Going quiet", "overview", () if day else JUDGED),
        numbers=frame.numbers.of(snapshot.base_currency),
        snapshot=snapshot,
        recipe=Recipe.of(snapshot),
        country=country or None,
        slipping=slipping,
        customers=found,
        by_loss=by_loss,
        why=(await ranking(session)).sentence,
        pager=build_pager(PATH, page, len(found), slipping.customers if slipping else 0, **kept),
        here=query(country=country, calc_date=day),
    )
    return answer(view)
