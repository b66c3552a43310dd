"""The cohorts as a heat map; each cell leads to its customers."""

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from litestar import Request, Response, get
from msgspec import Meta

from gateway.cohorts.figures import add_months, build_cohorts, written
from gateway.cohorts.queries import State, counted_cells, countries, find_state
from gateway.cohorts.schemas import Cell, Cohort
from gateway.kit.dependencies import SessionDep
from gateway.kit.frame import Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.pager import query
from gateway.kit.render import answer
from rfm_common.errors import InvalidInputError

Figure = Literal[
    "share", "customers", "orders", "orders_share", "revenue", "revenue_share",
    "revenue_per_customer",
]  # fmt: skip
LABELS: dict[Figure, str] = {
    "share": "Share who ordered", "customers": "Customers who ordered", "orders": "Orders",
    "orders_share": "Orders as a share of month 0", "revenue": "Revenue",
    "revenue_share": "Revenue as a share of month 0",
    "revenue_per_customer": "Revenue per customer so far",
}  # fmt: skip
LENGTHS = (12, 24, 60)
"""How many months of cohorts a reader may choose."""
HEAT_STEPS = 9


class Asked(msgspec.Struct, frozen=True):
    """What a browser may ask."""

    figure: Figure = "share"
    months: Literal[12, 24, 60] = 12
    country: Annotated[str, Meta(max_length=100)] | None = None


@dataclass(frozen=True, slots=True)
class Square:
    """A cell as it is shown; `heat` is 0 (none) to 9, `url` leads to its customers."""

    text: str
    heat: int
    url: str | None
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A cohort as a row of the table."""

    month: date
    customers: int
    url: str
    squares: list[Square]


@dataclass(frozen=True, slots=True)
class CohortsPage:
    """The context of the page."""

    template: ClassVar[str] = "cohorts.html"
    frame: Frame
    numbers: Numbers
    state: State | None
    asked: Asked
    labels: dict[Figure, str]
    lengths: tuple[int, ...]
    countries: list[str]
    lines: list[Line]
    columns: int
    left_out: int
    here: str


def build_lines(cohorts: list[Cohort], asked: Asked, numbers: Numbers) -> list[Line]:
    """Newest cohort last; the deeper the colour, the larger the figure among its likes."""
    figure = asked.figure
    most = max((_weight(one, cell, figure) for one in cohorts for cell in one.cells), default=0.0)
    return [
        Line(
            month=date.fromisoformat(f"{one.first_month}-01"), customers=one.customers,
            url=_customers(one.first_month, None, asked.country),
            squares=[_square(one, cell, asked, numbers, most) for cell in one.cells],
        )
        for one in cohorts
    ]  # fmt: skip


def _square(cohort: Cohort, cell: Cell, asked: Asked, numbers: Numbers, most: float) -> Square:
    weight = _weight(cohort, cell, asked.figure)
    return Square(
        text=_text(cohort, cell, asked.figure, numbers),
        heat=math.ceil(HEAT_STEPS * weight / most) if weight > 0 else 0,
        url=_customers(cohort.first_month, cell.month, asked.country) if cell.customers else None,
        is_complete=cell.is_complete,
    )


def _weight(cohort: Cohort, cell: Cell, figure: Figure) -> float:
    """Beside the month of first orders nothing else would have a colour."""
    is_alone = cell.months_since == 0 and figure != "revenue_per_customer"
    return 0.0 if is_alone else float(_value(cohort, cell, figure) or 0)


def _value(cohort: Cohort, cell: Cell, figure: Figure) -> float | Decimal | None:
    """None is a share of nothing: all that came in month 0 was refunded, or more."""
    match figure:
        case "orders_share":
            return cell.orders / cohort.cells[0].orders
        case "revenue_share":
            first = cohort.cells[0].revenue
            return cell.revenue / first if first > 0 else None
        case _:
            found: float | Decimal = getattr(cell, figure)
            return found


def _text(cohort: Cohort, cell: Cell, figure: Figure, numbers: Numbers) -> str:
    value = _value(cohort, cell, figure)
    match figure:
        case _ if value is None:
            return "–"
        case "share" | "orders_share" | "revenue_share":
            return numbers.percent(float(value))
        case "revenue" | "revenue_per_customer":
            return numbers.money(value)
        case _:
            return numbers.count(int(value))


def _customers(first: str, month: str | None, country: str | None) -> str:
    return f"/dashboard/customers{query(first_order=first, ordered_in=month, country=country)}"


def _asked(request: Request[Any, Any, Any]) -> Asked:
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        return msgspec.convert(given, Asked, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(str(error)) from error


@get("/cohorts")
async def cohorts(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep
) -> Response[str]:
    """The cohorts of the last months, by `figure`; `country` narrows."""
    asked, state = _asked(request), await find_state(session)
    since = add_months(state.last_month, 1 - asked.months) if state else None
    counted = await counted_cells(session, asked.country, since) if state else []
    numbers = frame.numbers.of(state.base_currency if state else None)
    found = build_cohorts(counted, state) if state else []
    view = CohortsPage(
        frame=frame.of("Cohorts", "cohorts"),
        numbers=numbers,
        state=state,
        asked=asked,
        labels=LABELS,
        lengths=LENGTHS,
        countries=await countries(session),
        lines=build_lines(found, asked, numbers),
        columns=max((len(one.cells) for one in found), default=0),
        left_out=sum(row.left_out for row in counted),
        here=query(country=asked.country, since=written(since) if since else None),
    )
    return answer(view)
