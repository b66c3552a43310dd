"""How far to trust the expected figures: what the past says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Self

from litestar import Response, get
from litestar.params import FromPath

from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import JUDGED, Frame, FrameDep, NumbersDep
from gateway.kit.numbers import NONE, Numbers
from gateway.kit.render import answer
from gateway.kit.snapshots import find_snapshot_run
from gateway.values import figures
from gateway.values.queries import find_report
from gateway.values.schemas import Cut, Trust, TrustReport
from gateway.values.words import label_of
from rfm_common.documents import StoredForecast
from rfm_common.errors import NotFoundError

PARAMETERS = {
    "habits": {"r": "r", "alpha": "α, days", "a": "a", "b": "b"},
    "spending": {"p": "p", "q": "q", "v": "v"},
}
"""Of a stored model, as the literature names them."""
KINDS = {
    "mbgnbd": "MBG/NBD",
    "bgnbd": "BG/NBD",
    "rates": "usual habits at the shop’s own pace",
}
ORDERS = "too few", "too many"
REVENUE = "too little", "too much"


@dataclass(frozen=True, slots=True)
class Total:
    """A row of what all customers together were expected to do."""

    label: str
    expected: str
    came: str
    difference: str


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the rankings; both figures are points of 100."""

    label: str
    money: str
    buyers: str
    is_best: bool


@dataclass(frozen=True, slots=True)
class CutView:
    """One cut, ready to show."""

    cut: Cut
    totals: Sequence[Total] = ()
    places: Sequence[Place] = ()
    weeks: Sequence[tuple[date, float, float]] = ()

    @property
    def first_day(self) -> date:
        """Of what came."""
        return self.cut.known_until + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ModelView:
    """The model that the newest figures come from."""

    kind: str
    why: str
    version: int
    fitted: datetime
    reason: str

    @classmethod
    def of(cls, forecast: StoredForecast) -> Self | None:
        """None before there are figures."""
        if "model" not in forecast:
            return None
        model = forecast["model"]
        return cls(
            KINDS.get(model["kind"], model["kind"]), model["why"], forecast["version"],
            datetime.fromisoformat(forecast["as_of"]), forecast["reason"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrustPage:
    """The context of the page."""

    template: ClassVar[str] = "trust.html"
    frame: Frame
    numbers: Numbers
    report: TrustReport | None
    cuts: Sequence[CutView]
    model: ModelView | None
    columns: Sequence[str]
    """What the columns of the parameters are of."""
    parameters: Sequence[tuple[str, Sequence[str]]]


def _view(cut: Cut, numbers: Numbers) -> CutView:
    if cut.trust is None:
        return CutView(cut)
    return CutView(
        cut, _totals(cut.trust, numbers), _places(cut.trust, numbers), figures.week_rows(cut)
    )


def _totals(trust: Trust, numbers: Numbers) -> list[Total]:
    orders = trust.expected_orders, trust.actual_orders
    revenue = trust.expected_revenue, trust.actual_revenue
    count, money = numbers.count, numbers.money
    return [
        Total("Orders", count(round(orders[0])), count(orders[1]), _off(*orders, ORDERS, numbers)),
        Total("Revenue", money(revenue[0]), money(revenue[1]), _off(*revenue, REVENUE, numbers)),
    ]


def _off(expected: float, came: float, sides: tuple[str, str], numbers: Numbers) -> str:
    if came <= 0:
        return NONE
    share = expected / came - 1
    side = sides[share > 0]
    return f"{numbers.percent(abs(share))} {side}" if share else "none"


def _places(trust: Trust, numbers: Numbers) -> list[Place]:
    return [
        Place(
            label_of(one.name, trust.window_days), numbers.count(round(100 * one.gini)),
            numbers.count(round(100 * one.auc)), is_best=trust.is_clear and one.name == trust.best,
        )
        for one in trust.rankings
    ]  # fmt: skip


def _parameters(models: Sequence[dict[str, Any]], numbers: Numbers) -> list[tuple[str, list[str]]]:
    """A row for each parameter, a column for each model."""
    rows = [
        (label, [f"{model[group][name]:.4g}" for model in models])
        for group, labels in PARAMETERS.items()
        for name, label in labels.items()
    ]
    return [
        ("Model", [KINDS.get(model["kind"], model["kind"]) for model in models]),
        ("Customers it was fitted on", [numbers.count(model["fitted_on"]) for model in models]),
        ("Those who came back", [numbers.count(model["returned"]) for model in models]),
        *rows,
        ("Log-likelihood", [numbers.decimal(model["log_likelihood"], 1) for model in models]),
    ]


@get("/trust")
async def trust_page(frame: FrameDep, session: SessionDep, settings: SettingsDep) -> Response[str]:
    """The verdict first, then each cut, then the model."""
    run = await find_snapshot_run(session, settings.zone)
    report = await find_report(session, frame.numbers.day)
    numbers = frame.numbers.of(report.base_currency if report else None)
    cuts = report.cuts if report else []
    forecast = run.forecast if run else StoredForecast()
    fitted = {"Today": forecast.get("model")} | {f"{cut.days} days ago": cut.model for cut in cuts}
    models = {label: model for label, model in fitted.items() if model}
    view = TrustPage(
        frame=frame.of("How far to trust this", "overview", JUDGED),
        numbers=numbers,
        report=report,
        cuts=[_view(cut, numbers) for cut in cuts],
        model=ModelView.of(forecast),
        columns=list(models),
        parameters=_parameters(list(models.values()), numbers) if models else [],
    )
    return answer(view)


@get("/trust/{days:int}/{name:str}")
async def trust_figure(
    session: SessionDep, numbers: NumbersDep, days: FromPath[int], name: FromPath[str]
) -> Response[dict[str, Any]]:
    """The figure of one cut, for the page's script."""
    report = await find_report(session)
    cut = next((one for one in report.cuts if one.days == days), None) if report else None
    if cut is None or cut.trust is None or name not in {"tenths", "weeks"}:
        raise NotFoundError(f"There is no figure {name} of {days} days.")
    drawn = figures.weeks(cut, numbers) if name == "weeks" else figures.tenths(cut.trust, numbers)
    return Response(drawn, headers={"Cache-Control": "no-store"})
