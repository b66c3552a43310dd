"""Which value model is in force: one stays until there is a reason for another. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import numpy as np

from rfm_common.models import ScoringRun
from scoring.value import FEWEST, Purchases, ValueModel, fit_value, forecast

CLEARLY = 0.02
"""By which part the sum of what is expected must differ for a new fit to replace a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The model of the snapshot before, or of the same day."""

    model: ValueModel
    version: int
    as_of: str
    """The calc_date of the run that fitted it."""
    measured: list[Any]
    is_of_today: bool
    """Whether it was chosen on the snapshot's own day, fitted then or kept."""

    @classmethod
    def of(cls, last: ScoringRun, run: ScoringRun) -> Self:
        """From the row of the run that used it last."""
        told = last.forecast
        return cls(
            model=ValueModel.stored(told["model"]), version=told["version"], as_of=told["as_of"],
            measured=told["measured"],
            is_of_today=_day(last.calc_date, run) == _day(run.calc_date, run),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model and why it is this one."""

    model: ValueModel
    reason: str
    is_new: bool


def measured(run: ScoringRun) -> list[Any]:
    """What a model depends on besides the orders: currency, time zone, counted statuses."""
    known = run.summary.get("measured", {})
    return [run.base_currency, known.get("timezone"), sorted(known.get("counted_statuses", ()))]


def choose(kept: Kept | None, now: list[Any], sample: Purchases) -> Chosen:
    """Keep the model, or fit another: at most once a day, and only for a reason.

    Habits that are usual elsewhere are no fit, so that a shop whose orders come in several files
    need not wait until tomorrow for its own.
    """
    if kept is None:
        return Chosen(fit_value(sample), "The first model.", is_new=True)
    if kept.measured != now:
        return Chosen(
            fit_value(sample), "Currency, time zone or counted statuses changed.", is_new=True
        )
    if kept.is_of_today and not _is_outgrown(kept.model, sample):
        return Chosen(kept.model, "A model is fitted at most once a day.", is_new=False)
    return _compare(kept, fit_value(sample), sample)


def _is_outgrown(model: ValueModel, sample: Purchases) -> bool:
    return model.kind == "rates" and int(np.count_nonzero(sample.returned)) >= FEWEST


def _compare(kept: Kept, fresh: ValueModel, sample: Purchases) -> Chosen:
    before, after = (_expected(model, sample) for model in (kept.model, fresh))
    change = abs(after / before - 1) if before else float(after > 0)
    says = f"A fit on the orders until now expects {change:.1%} more or less revenue in 90 days"
    if fresh.kind != kept.model.kind:
        return Chosen(fresh, fresh.why, is_new=True)
    if change > CLEARLY:
        return Chosen(fresh, f"{says} than the model of {kept.as_of[:10]}.", is_new=True)
    return Chosen(kept.model, f"{says}; below {CLEARLY:.0%} the model stays.", is_new=False)


def _expected(model: ValueModel, sample: Purchases) -> float:
    return float(np.sum(forecast(model, sample, 0.0).expected_revenue_90))


def _day(moment: datetime | None, run: ScoringRun) -> date | None:
    zone = ZoneInfo(run.summary.get("measured", {}).get("timezone", "UTC"))
    return moment.astimezone(zone).date() if moment else None
