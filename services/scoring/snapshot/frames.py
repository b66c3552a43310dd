"""A snapshot as one table in memory, a row per customer sorted by id. Pure functions."""

from collections.abc import Generator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from rfm_common.explain import SCORES
from rfm_common.models import MONEY_SCALE
from rfm_common.settings import Rule
from scoring.model import NOWHERE, Assignment, Labels, Model, Points, find_away, hold, put_back
from scoring.snapshot.copied import read_rows
from scoring.snapshot.countries import Row, by_country, cells, grid
from scoring.snapshot.features import CENT, Edges, cuts
from scoring.snapshot.records import Aggregates, Totals
from scoring.snapshot.stats import Counted, exact, middle, stat

MONEY = pl.Decimal(24, MONEY_SCALE)
FIGURES = {
    "customer_id": pl.String(), "recency_days": pl.Int32(), "frequency": pl.Int32(),
    "monetary": MONEY, "left_out": pl.Int32(),
}  # fmt: skip
FEATURES = {**FIGURES, "country": pl.String(), "silent_days": pl.Int32()}
SNAPSHOT = {**FIGURES, "segment_name": pl.String()}
FEATURE_COLUMNS = ("customer_id", *SCORES, *(f"{name[0]}_score" for name in SCORES))
CLUSTER_COLUMNS = ("customer_id", "sort_monetary", "distance", "next_distance")
PLACE = ("customer_id", "cluster_id", "monetary", "distance", "next_distance")
"""What a customer's row of `customer_clusters` follows from, with the model."""
SAMPLES = 3_000
SLICE = 250_000


def read_features(*parts: bytes) -> pl.DataFrame:
    """The rows of the features query, sorted by id, so that nothing depends on their order."""
    return _sorted(pl.concat([read_rows(csv, FEATURES) for csv in parts]))


def updated(known: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """The features that were known, but for customers who changed or came."""
    others = known.select(*FEATURES).join(changed, on="customer_id", how="anti")
    return others.merge_sorted(_sorted(changed), key="customer_id").rechunk()


def beside(frame: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """What is known of the frame's customers, in its order; nulls where nothing is."""
    if frame["customer_id"].equals(before["customer_id"]):
        return before
    ids = frame.select("customer_id")
    return ids.join(before, on="customer_id", how="left", maintain_order="left")


def differing(frame: pl.DataFrame, before: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The customers of whom one of the columns, id included, is not what it was."""
    if frame["customer_id"].equals(before["customer_id"]):  # a join takes ten times as long
        return frame.filter(pl.any_horizontal(pl.col(name) != before[name] for name in columns))
    return frame.join(before, on=columns, how="anti")


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if frame["customer_id"].is_sorted() else frame.sort("customer_id")


def read_snapshot(csv: bytes) -> pl.DataFrame:
    """The rows of a published snapshot."""
    return read_rows(csv, SNAPSHOT)


def totals(frame: pl.DataFrame) -> Totals:
    """Count and add up."""
    return Totals(
        customers=frame.height,
        active_customers=int((frame["frequency"] > 0).sum()),
        orders=int(frame["frequency"].sum()),
        monetary=_total(frame["monetary"]),
        left_out=int(frame["left_out"].sum()),
    )


def _total(column: pl.Series) -> Decimal:
    return exact(Decimal(column.sum() or 0))


def active_values(frame: pl.DataFrame, positions: Sequence[int]) -> dict[str, dict[int, Decimal]]:
    """The values at these ranks of each figure, over customers with an order."""
    active = frame.filter(pl.col("frequency") > 0)
    return {name: _at(active[name].sort(), positions) for name in SCORES}


def _at(ordered: pl.Series, positions: Sequence[int]) -> dict[int, Decimal]:
    return {rank: Decimal(ordered[rank]) for rank in positions}


def clustered(frame: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """The customers who belong into a cluster: buyers, or everybody by the classic rule."""
    return frame if rule == "classic" else frame.filter(pl.col("frequency") > 0)


def numbers(frame: pl.DataFrame, rows: Any = slice(None)) -> Points:
    """R, F, M as floats, a row per customer."""
    columns = (frame[name].cast(pl.Float64).to_numpy()[rows] for name in SCORES)
    return np.column_stack(list(columns))


def score(frame: pl.DataFrame, edges: Edges) -> pl.DataFrame:
    """Add r_score, f_score and m_score."""
    return frame.with_columns(_score(name, edges.get(name, ())) for name in SCORES)


def _score(figure: str, edges: Sequence[Decimal]) -> pl.Expr:
    """The class of the first edge that is not below the value; without an order it is 1."""
    unit, kind = (CENT, MONEY) if figure == "monetary" else (Decimal(1), pl.Int32())
    above = [
        (pl.col(figure) > pl.lit(cut if figure == "monetary" else int(cut), dtype=kind))
        for cut in cuts(edges, unit)
    ]
    place = pl.sum_horizontal([pl.lit(0), *(one.cast(pl.Int32) for one in above)])
    graded = 5 - place if figure == "recency_days" else place + 1
    counted = pl.when(pl.col("frequency") > 0).then(graded).otherwise(1)
    return counted.cast(pl.Int16).alias(f"{figure[0]}_score")


def held(frame: pl.DataFrame, model: Model, found: Assignment, before: pl.DataFrame) -> Assignment:
    """`found`, but for whoever stays in the segment of the snapshot before.

    All are of the clustered customers, in the frame's order.
    """
    known = beside(frame, before.select("customer_id", "segment_name"))
    earlier = segment_numbers(known["segment_name"], model)
    rows = find_away(model, found, earlier)
    points = model.space.points(numbers(frame, rows))
    labels = hold(model, points, earlier[rows])
    stay = labels != NOWHERE
    return put_back(model, found, rows[stay], points[stay], labels[stay])


def segment_numbers(names: pl.Series, model: Model) -> Labels:
    """The segments of a column, numbered as `Model.places` does."""
    places = {name: int(place) for name, place in zip(model.names, model.places(), strict=True)}
    numbered = names.replace_strict(places, default=NOWHERE, return_dtype=pl.Int16)
    return numbered.fill_null(NOWHERE).to_numpy()


def assign(frame: pl.DataFrame, model: Model, found: Assignment) -> pl.DataFrame:
    """Add cluster_id, segment_name and both distances.

    `found` is where the clustered customers belong, in the frame's order.
    """
    names = pl.Series(list(model.segments), dtype=pl.String)
    everyone = placed_apart(frame, model, found)
    return frame.with_columns(
        cluster_id=pl.Series(everyone.labels),
        segment_name=names.gather(pl.Series(everyone.labels.astype(np.uint32))),
        distance=pl.Series(everyone.distance),
        next_distance=pl.Series(everyone.next_distance),
    )


def placed_apart(frame: pl.DataFrame, model: Model, found: Assignment) -> Assignment:
    """Where everybody belongs: those in no cluster are Lost if they ever ordered, or Prospects.

    And whoever bought once, and lately, is told apart from some clusters.
    """
    if not model.apart:
        return found
    inside = (frame["frequency"] > 0).to_numpy()
    never = frame["silent_days"].is_null().to_numpy()
    labels = np.where(never, model.k + 1, model.k).astype(np.int16)
    distance, next_distance = np.zeros((2, frame.height))
    labels[inside] = model.with_firsts(numbers(frame, inside), found.labels)
    distance[inside], next_distance[inside] = found.distance, found.next_distance
    return Assignment(labels, distance, next_distance)


def aggregate(frame: pl.DataFrame, names: Sequence[str], seed: int) -> Aggregates:
    """Everything that pages show of a whole snapshot."""
    active = frame.filter(pl.col("frequency") > 0)["recency_days"]
    middle_day = active.median()
    segment_countries, country_summaries = by_country(frame) if names else ([], [])
    whole = frame.height, _total(frame["monetary"])
    figures = frame.select(pl.col(*SCORES, "^cluster_id$"))  # texts would be copied with them
    return Aggregates(
        stats=[stat(number, name, _counted(figures, number), *whole)
               for number, name in enumerate(names)],
        grid=grid(cells(frame)),
        samples=_samples(frame, len(names), seed) if names else [],
        segment_countries=segment_countries,
        country_summaries=country_summaries,
        median_recency_days=float(middle_day) if isinstance(middle_day, int | float) else None,
    )  # fmt: skip


def _counted(frame: pl.DataFrame, cluster: int) -> Counted:
    part = frame.filter(pl.col("cluster_id") == cluster)
    return Counted(
        customers=part.height, orders=int(part["frequency"].sum()),
        monetary=_total(part["monetary"]), recency_sum=int(part["recency_days"].sum()),
        median_recency_days=median(part["recency_days"]),
        median_frequency=median(part["frequency"]), median_monetary=median(part["monetary"]),
    )  # fmt: skip


def median(column: pl.Series) -> Decimal:
    """The exact median, to the fourth digit; 0 of nothing."""
    ordered, places = column.sort(), middle(len(column))
    return exact(sum((Decimal(ordered[place]) for place in places), Decimal(0)) / 2)


def quota(customers: int, everyone: int, clusters: int) -> int:
    """How many of a cluster's customers are in the sample of the charts."""
    return min(customers, max(1, (SAMPLES - clusters) * customers // everyone))


def _samples(frame: pl.DataFrame, k: int, seed: int) -> list[Row]:
    """At most 3,000 customers, each cluster in proportion, the same ones for the same data."""
    columns = ("customer_id", *SCORES, "cluster_id", "segment_name")
    chosen = [
        part.sample(quota(part.height, frame.height, k), seed=seed)
        for _, part in frame.select(columns).group_by("cluster_id", maintain_order=True)
    ]
    return pl.concat(chosen).rows(named=True)


def feature_lines(frame: pl.DataFrame) -> Generator[bytes]:
    """Lines for COPY (text format) of FEATURE_COLUMNS, some 250,000 at a time."""
    yield from lines(frame, FEATURE_COLUMNS[1:])


def cluster_lines(frame: pl.DataFrame, cluster: int) -> Generator[bytes]:
    """Lines for COPY of CLUSTER_COLUMNS: one cluster's customers, the best first.

    So they are read: page by page of a segment. The index is sorted with them.
    """
    part = frame.filter(pl.col("cluster_id") == cluster)
    part = part.sort("monetary", descending=True, maintain_order=True)  # equals stay in order of id
    yield from lines(part, ("monetary", pl.col("distance", "next_distance").round(6)))


def _copied_id() -> pl.Expr:
    """COPY's text format gives a meaning to backslashes, tabs and line ends."""
    plain = pl.col("customer_id").str.replace_all("\\", "\\\\", literal=True)
    for character, escape in (("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        plain = plain.str.replace_all(character, escape, literal=True)
    return plain


def lines(frame: pl.DataFrame, columns: Sequence[Any]) -> Generator[bytes]:
    """Lines for COPY of the id and these columns, some 250,000 at a time."""
    for part in frame.iter_slices(SLICE):
        text = part.select(_copied_id(), *columns).write_csv(
            include_header=False, separator="\t", quote_style="never", null_value="\\N"
        )
        yield text.encode()
