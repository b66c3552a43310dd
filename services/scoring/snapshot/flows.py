"""Flows between two snapshots: the rule of `rfm_common.explain` on whole tables. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from rfm_common.borders import is_same_model
from rfm_common.explain import ScoringDefinition, elapsed_days, is_comparable
from rfm_common.models import Cause
from scoring.model import NOWHERE, Labels, Model, hold
from scoring.snapshot.frames import beside, numbers, segment_numbers
from scoring.snapshot.records import Flow, Flows


def compare(
    before: pl.DataFrame, after: pl.DataFrame, then: ScoringDefinition, now: ScoringDefinition
) -> Flows:
    """Join two snapshots by customer, name each one's cause, and add up."""
    known = beside(after, before.select("customer_id", *_COMPARED)).select(
        pl.col(_COMPARED).name.suffix("_before")
    )
    both = after.select("customer_id", *_COMPARED).hstack(known)
    elapsed = elapsed_days(then, now)
    marked = both.with_columns(
        ordered=_has_new_order(elapsed), corrected=_was_corrected(elapsed, now.window_days),
        cause=pl.lit(Cause.STAYED.value),
    )  # fmt: skip
    judged = pl.concat([_newcomers(marked), _stayed(marked), _movers(marked, then, now)])
    return gathered(_added_up(judged))


_COMPARED = ("recency_days", "frequency", "monetary", "segment_name")


def _has_new_order(elapsed: int) -> pl.Expr:
    frequency = pl.col("frequency")
    younger = (frequency > 0) & (pl.col("recency_days") < pl.col("recency_days_before") + elapsed)
    return (frequency > pl.col("frequency_before")) | younger


def _was_corrected(elapsed: int, window_days: int) -> pl.Expr:
    frequency, was = pl.col("frequency"), pl.col("frequency_before")
    due = pl.col("recency_days_before") + elapsed
    is_older = pl.col("recency_days") > due + 1
    worth_else = pl.col("monetary") != pl.col("monetary_before")
    alike = (frequency == was) & (worth_else | is_older)
    gone = (frequency < was) & (due < window_days) & ((frequency == 0) | is_older)
    return (was > 0) & (alike | gone)


def _newcomers(marked: pl.DataFrame) -> pl.DataFrame:
    new = marked.filter(pl.col("segment_name_before").is_null())
    return new.with_columns(cause=pl.lit(Cause.NEW_CUSTOMER.value))


def _stayed(marked: pl.DataFrame) -> pl.DataFrame:
    return marked.filter(pl.col("segment_name") == pl.col("segment_name_before"))


def _movers(marked: pl.DataFrame, then: ScoringDefinition, now: ScoringDefinition) -> pl.DataFrame:
    """Where would their figures of now be under the model of then? That tells the cause."""
    moved = marked.filter(pl.col("segment_name") != pl.col("segment_name_before"))
    if not is_comparable(then, now):
        return moved.with_columns(cause=pl.lit(Cause.DEFINITION.value))
    expected = _expected(moved, Model.stored(then.model))
    is_gone = not is_same_model(then.model, now.model)
    own = (
        pl.when("ordered").then(pl.lit(Cause.NEW_ORDER.value))
        .when("corrected").then(pl.lit(Cause.CORRECTION.value))
        .otherwise(pl.lit(Cause.AGEING.value))
    )  # fmt: skip
    by_model = (expected == moved["segment_name_before"]) & is_gone
    return moved.with_columns(
        cause=pl.when(by_model).then(pl.lit(Cause.MODEL.value)).otherwise(own)
    )


def _expected(moved: pl.DataFrame, old: Model) -> pl.Series:
    """Their segments by the old model; whoever is in no cluster is told apart by a rule."""
    labels = _labels(moved, old).astype(np.uint32)
    names = pl.Series(list(old.segments), dtype=pl.String).gather(pl.Series(labels))
    inside = pl.col("frequency") > (0 if old.apart else -1)
    chosen = pl.when(inside).then("by_model").otherwise("segment_name").alias("expected")
    return moved.with_columns(by_model=names).select(chosen).to_series()


def _labels(moved: pl.DataFrame, old: Model) -> Labels:
    """Their clusters, starting from the segment before."""
    features = numbers(moved)
    nearest = old.assign(features).labels
    if not old.margin:
        return old.with_firsts(features, nearest)
    earlier = segment_numbers(moved["segment_name_before"], old)
    stays = hold(old, old.space.points(features), earlier)
    return old.with_firsts(features, np.where(stays == NOWHERE, nearest, stays))


def _added_up(judged: pl.DataFrame) -> list[dict[str, Any]]:
    return judged.group_by(
        pl.col("segment_name_before").fill_null("").alias("from_segment"),
        pl.col("segment_name").alias("to_segment"),
        "cause",
        "ordered",
    ).agg(
        customers=pl.len(),
        monetary_before=pl.col("monetary_before").fill_null(0).sum(),
        monetary_after=pl.col("monetary").sum(),
    ).rows(named=True)  # fmt: skip


def gathered(sums: Sequence[Mapping[str, Any]]) -> Flows:
    """Flows from sums that are told apart by new orders, too: whoever has none, is quiet."""
    rows: dict[tuple[str, str, Cause], Flow] = {}
    quiet: Counter[Cause] = Counter()
    for one in sums:
        cause = Cause(one["cause"])
        key = (one["from_segment"], one["to_segment"], cause)
        rows[key] = _plus(rows.get(key), one, key)
        if cause is not Cause.NEW_CUSTOMER and not one["ordered"]:
            quiet[cause] += one["customers"]
    return Flows(rows=[rows[key] for key in sorted(rows)], quiet=dict(sorted(quiet.items())))


def _plus(flow: Flow | None, one: Mapping[str, Any], key: tuple[str, str, Cause]) -> Flow:
    return Flow(
        from_segment=key[0], to_segment=key[1], cause=key[2],
        customers=one["customers"] + (flow.customers if flow else 0),
        monetary_before=one["monetary_before"] + (flow.monetary_before if flow else 0),
        monetary_after=one["monetary_after"] + (flow.monetary_after if flow else 0),
    )  # fmt: skip
