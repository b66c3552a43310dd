"""By what a snapshot was measured, and in what two snapshots differ, in words. Pure.

Figures of two snapshots say what customers did only as far as both were measured by the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Never

from rfm_common.documents import Measured, Replaced, StoredModel
from rfm_common.models import ScoringRun
from rfm_common.words import some


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What two snapshots must share for their customers to have moved by themselves."""

    window_days: int
    k: int = 0
    """0 where nothing was clustered."""
    rule: str | None = None
    transform: str | None = None
    base_currency: str | None = None
    counted_statuses: tuple[str, ...] | None = None
    timezone: str | None = None


def basis_of(
    window_days: int,
    base_currency: str | None,
    model: StoredModel | dict[str, Never],
    measured: Measured,
) -> Basis:
    """The basis of a run, from the columns of its row."""
    statuses = measured.get("counted_statuses")
    return Basis(
        window_days=window_days, base_currency=base_currency,
        k=len(model.get("centroids", ())), rule=model.get("rule", "classic"),
        transform=model.get("transform"), timezone=measured.get("timezone"),
        counted_statuses=None if statuses is None else tuple(statuses),
    )  # fmt: skip


def basis_of_run(run: ScoringRun) -> Basis:
    """The basis of a finished run."""
    return basis_of(run.window_days, run.base_currency, run.model, run.summary.get("measured", {}))


def changed(then: Basis, now: Basis) -> list[str]:
    """The fields in which both differ; what one of the two does not know is no difference."""
    names = [field.name for field in fields(Basis)]
    if not (then.k and now.k):
        names = ["window_days"]
    return [
        name
        for name in names
        if None not in (was := getattr(then, name), became := getattr(now, name)) and was != became
    ]


def definition_change(then: Basis, now: Basis) -> str | None:
    """One sentence for whoever compares two snapshots; None when both are measured alike."""
    if not (names := changed(then, now)):
        return None
    return (
        f"The earlier scores were calculated with {_words(then, names)}, the later ones with"
        f" {_words(now, names)}; part of the difference comes from that."
    )


def replacement(then: Basis, now: Basis, run_id: int) -> Replaced | None:
    """What a run says of the snapshot of its date that it replaced; None if measured alike."""
    if not (names := changed(then, now)):
        return None
    return {
        "run_id": run_id, "window_days": then.window_days, "k": then.k, "rule": then.rule,
        "message": f"Replaces the scores of run {run_id}, which were calculated with"
        f" {_words(then, names)}; these are calculated with {_words(now, names)}.",
    }  # fmt: skip


def pending(then: Basis, now: Basis) -> str | None:
    """What the next run will do to the scores of `then`; None if it measures alike."""
    if not (names := changed(then, now)):
        return None
    return (
        f"The newest scores were calculated with {_words(then, names)}; the settings now say"
        f" {_words(now, names)}. The next run recalculates all scores. Customers whom this moves"
        " to another segment get the cause “definition”."
    )


def _words(basis: Basis, names: Sequence[str]) -> str:
    *first, last = _parts(basis, names)
    return f"{', '.join(first)} and {last}" if first else last


def _parts(basis: Basis, names: Sequence[str]) -> Iterator[str]:
    listed = ", ".join(basis.counted_statuses or ())
    statuses = f"the statuses {listed} counted" if listed else "statuses counted by their meaning"
    words = {
        "window_days": f"a window of {some(basis.window_days, 'day')}",
        "k": some(basis.k, "cluster") if basis.k else "no clusters",
        "rule": f"the rule {basis.rule}",
        "transform": f"the transform {basis.transform}",
        "base_currency": f"amounts in {basis.base_currency}",
        "counted_statuses": statuses,
        "timezone": f"the time zone {basis.timezone}",
    }
    return (words[name] for name in names)
