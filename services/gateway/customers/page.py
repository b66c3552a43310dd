"""The list of customers: search, filters as chips, sort, pages. The URL is the state."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from msgspec import Meta

from gateway.customers.bounds import MOST, given_bounds
from gateway.customers.filters import Bounds, CustomerFilter, SortKey
from gateway.customers.lists import NOBODY, Window, list_customers, needs_outlook
from gateway.kit.days import DayDep, parse_month
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import Frame, FrameDep
from gateway.kit.guide import rank, slug
from gateway.kit.numbers import Numbers
from gateway.kit.outlook import SHOWN
from gateway.kit.pager import Pager
from gateway.kit.render import answer
from gateway.kit.rows import Page
from gateway.kit.schemas import Score, Snapshot
from gateway.kit.snapshots import find_snapshot
from gateway.segments.queries import find_segment, segment_names
from gateway.segments.schemas import CustomerRow
from rfm_common.errors import InvalidInputError

PATH = "/dashboard/customers"
BOUNDS = tuple(f"{side}_{figure}" for figure in SHOWN for side in ("min", "max"))
PAGE_SIZE = 50
BEST_FIRST: SortKey = "-monetary"
COLUMNS = (
    ("customer_id", "Customer", False, ""),
    ("", "Country", False, ""),
    ("", "Segment", False, ""),
    ("", "R F M", False, ""),
    ("recency_days", "Recency", True, ""),
    ("frequency", "Orders", True, ""),
    ("monetary", "Revenue", True, ""),
    *((key, label, True, hint) for key, (label, hint) in SHOWN.items()),
)
"""Sort key, heading, whether it holds numbers, what it means where that needs a word."""
CHANCES = (0.1, 0.25, 0.5, 0.75)
DELAYS = (1.0, 1.5, 2.0, 3.0)
"""Bounds that the filters offer."""
WAITING = ("forecast-finished", "resync")
"""The events after which a list that waits for what is expected is out of date."""
Amount = Annotated[float, Meta(ge=0, le=MOST)]
Chance = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The query of the list; what is None or the default is left out of URLs."""

    q: str | None = None
    segment: str | None = None
    cluster: int | None = None
    country: str | None = None
    r_score: int | None = None
    fm_score: int | None = None
    first_order: str | None = None
    ordered_in: str | None = None
    min_expected_revenue_90: float | None = None
    max_expected_revenue_90: float | None = None
    min_buys_again_90: float | None = None
    max_buys_again_90: float | None = None
    min_overdue: float | None = None
    max_overdue: float | None = None
    sort: SortKey = BEST_FIRST
    page: int = 1
    day: date | None = None

    @property
    def bounds(self) -> Bounds:
        """Those that are given."""
        return given_bounds({name: getattr(self, name) for name in BOUNDS})

    def url(self, **changes: object) -> str:
        """The page's address with some parameters changed; the page number starts again."""
        asked = replace(self, **({"page": 1} | changes))  # type: ignore[arg-type]
        given = asked.given({"day": "date"})
        return f"{PATH}?{urlencode(given)}" if given else PATH

    def api_url(self, suffix: str = "") -> str:
        """The same customers from the API."""
        given = self.given({"day": "calc_date"}) | {"sort": self.sort, "page_size": PAGE_SIZE}
        return f"/customers{suffix}?{urlencode(given)}"

    def given(self, names: dict[str, str]) -> dict[str, object]:
        """The parameters that differ from their defaults, some under other names."""
        defaults = asdict(Asked())
        return {
            names.get(name, name): value
            for name, value in asdict(self).items()
            if value != defaults[name]
        }


class Query(msgspec.Struct, frozen=True):
    """What a browser may ask, with its limits."""

    q: Annotated[str, Meta(max_length=200)] | None = None
    segment: Annotated[str, Meta(max_length=100)] | None = None
    cluster: Annotated[int, Meta(ge=0, le=1000)] | None = None
    country: Annotated[str, Meta(max_length=100)] | None = None
    r_score: Score | None = None
    fm_score: Score | None = None
    first_order: Annotated[str, Meta(max_length=10)] | None = None
    ordered_in: Annotated[str, Meta(max_length=10)] | None = None
    min_expected_revenue_90: Amount | None = None
    max_expected_revenue_90: Amount | None = None
    min_buys_again_90: Chance | None = None
    max_buys_again_90: Chance | None = None
    min_overdue: Amount | None = None
    max_overdue: Amount | None = None
    sort: SortKey = BEST_FIRST
    page: Annotated[int, Meta(ge=1, le=10_000_000)] = 1


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on, and the address without it."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's head; `url` sorts by it, `arrow` shows that it does."""

    label: str
    is_number: bool
    url: str | None
    arrow: str
    hint: str


@dataclass(frozen=True, slots=True)
class CustomersPage:
    """One page of the list."""

    template: ClassVar[str] = "customers.html"
    frame: Frame
    numbers: Numbers
    snapshot: Snapshot
    asked: Asked
    segments: list[tuple[str, str]]
    chances: list[tuple[float, str]]
    delays: list[tuple[float, str]]
    chips: list[Chip]
    headings: list[Heading]
    customers: list[CustomerRow]
    total: int
    is_more: bool
    """Whether there are more than `total`."""
    is_waiting: bool
    """Whether nobody can be listed yet, for what is expected decides."""
    first: int
    pager: Pager


def provide_asked(request: Request[Any, Any, Any], day: DayDep) -> Asked:
    """The list's query; an empty field of the form counts as absent, one out of range is 400."""
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        query = msgspec.convert(given, Query, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(str(error)) from error
    return Asked(**msgspec.structs.asdict(query), day=day)


def build_chips(numbers: Numbers, asked: Asked) -> list[Chip]:
    """One chip per filter, in the order of the form."""
    texts = {
        "q": f"contains “{asked.q}”",
        "segment": f"Segment is {asked.segment}",
        "cluster": f"Cluster is {asked.cluster}",
        "country": f"Country is {asked.country}",
        "r_score": f"Recency score is {asked.r_score}",
        "fm_score": f"Frequency-money score is {asked.fm_score}",
        "first_order": f"First order in {asked.first_order}",
        "ordered_in": f"Ordered in {asked.ordered_in}",
        **{name: _bound(numbers, name, getattr(asked, name)) for name in BOUNDS},
        "day": f"As of {asked.day}",
    }
    return [
        Chip(text, asked.url(**{name: None}))
        for name, text in texts.items()
        if getattr(asked, name) is not None
    ]


def _bound(numbers: Numbers, name: str, value: float | None) -> str:
    side, _, figure = name.partition("_")
    label, between = SHOWN[figure][0], {"min": "from", "max": "up to"}[side]
    written = {
        "expected_revenue_90": numbers.money(value), "buys_again_90": numbers.percent(value),
        "overdue": f"{numbers.decimal(value)} times",
    }  # fmt: skip
    return f"{label} {between} {written[figure]}"


def build_choices(
    usual: Sequence[float], given: float | None, write: Callable[[float], str]
) -> list[tuple[float, str]]:
    """What a filter offers, with the one that is on."""
    offered = {*usual} if given is None else {*usual, given}
    return [(value, write(value)) for value in sorted(offered)]


def build_headings(asked: Asked) -> list[Heading]:
    """Column heads; a second click on the sorted one turns the order round."""
    heads = []
    for key, label, is_number, hint in COLUMNS:
        if not key:
            heads.append(Heading(label, is_number, None, "", hint))
            continue
        down = asked.sort == f"-{key}"
        arrow = "▼" if down else "▲" if asked.sort == key else ""
        first = key if key == "customer_id" else f"-{key}"
        turned = {key: f"-{key}", f"-{key}": key}
        heads.append(
            Heading(label, is_number, asked.url(sort=turned.get(asked.sort, first)), arrow, hint)
        )
    return heads


@get("/customers")
async def customers(
    frame: FrameDep, session: SessionDep, settings: SettingsDep, asked: NamedDependency[Asked]
) -> Response[str]:
    """One page of a snapshot's customers."""
    snapshot = await find_snapshot(session, settings, asked.day.isoformat() if asked.day else None)
    name = (await find_segment(session, snapshot, asked.segment))[0] if asked.segment else None
    narrowed = CustomerFilter(
        q=asked.q, segment_name=name, cluster_id=asked.cluster, country=asked.country,
        r_score=asked.r_score, fm_score=asked.fm_score,
        first_order=parse_month("first_order", asked.first_order),
        ordered_in=parse_month("ordered_in", asked.ordered_in), bounds=asked.bounds,
    )  # fmt: skip
    page = Page(asked.page, PAGE_SIZE)
    window = Window(asked.sort, page)
    is_waiting = needs_outlook(narrowed, window) and not snapshot.has_outlook
    found = NOBODY if is_waiting else await list_customers(
        session, snapshot, narrowed, window, count_all=False
    )  # fmt: skip
    shown = len(found.customers)
    numbers = frame.numbers.of(snapshot.base_currency)
    names = sorted(await segment_names(session, snapshot), key=rank)
    view = CustomersPage(
        frame=frame.of("Customers", "customers", () if snapshot.has_outlook else WAITING),
        numbers=numbers,
        snapshot=snapshot,
        asked=replace(asked, segment=slug(name) if name else None),
        segments=[(slug(item), item) for item in names],
        chances=build_choices(CHANCES, asked.min_buys_again_90, numbers.percent),
        delays=build_choices(DELAYS, asked.min_overdue, numbers.times),
        chips=build_chips(numbers, replace(asked, segment=name)),
        headings=build_headings(asked),
        customers=found.customers,
        total=found.total,
        is_more=found.is_more,
        is_waiting=is_waiting,
        first=page.skip + 1,
        pager=Pager(
            previous_url=asked.url(page=asked.page - 1) if asked.page > 1 else None,
            next_url=asked.url(page=asked.page + 1)
            if page.skip + shown < found.total or (found.is_more and shown == PAGE_SIZE)
            else None,
        ),
    )
    return answer(view)
