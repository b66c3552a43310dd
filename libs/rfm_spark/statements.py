"""SQL over a whole snapshot: scores, nearest centroids, ranks, flows, sums. Pure text.

PostgreSQL, Spark and DuckDB run the same statements. Each takes the name of a table or a view
and makes a query of it, so that they can be stacked.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from rfm_common.borders import is_same_model
from rfm_common.explain import SCORES, ScoringDefinition, elapsed_days, is_comparable
from rfm_common.models import MONEY_DIGITS, MONEY_SCALE, Cause
from scoring.model import PROSPECTS, Model, Space
from scoring.snapshot.dialects import Dialect
from scoring.snapshot.features import CENT, Edges, cuts

MONEY = f"decimal(24,{MONEY_SCALE})"
ORDER = ("order_id", "customer_id", "order_date", "order_amount", "currency", "status",
         "status_word")  # fmt: skip
NO_ORDERS = f"""
SELECT CAST(NULL AS bigint) AS import_id, CAST(NULL AS string) AS order_id,
       CAST(NULL AS string) AS customer_id, CAST(NULL AS timestamp) AS order_date,
       CAST(NULL AS decimal({MONEY_DIGITS},{MONEY_SCALE})) AS order_amount,
       CAST(NULL AS string) AS currency, CAST(NULL AS string) AS status,
       CAST(NULL AS string) AS status_word
WHERE FALSE"""


def newest(source: str, versions: Mapping[int, int]) -> str:
    """The orders of a lake: of each, what the import with the highest data_version says."""
    values = ", ".join(f"({one}, {version})" for one, version in versions.items()) or "(0, 0)"
    return f"""
WITH versions (import_id, data_version) AS (VALUES {values})
SELECT {", ".join(ORDER)}
FROM (SELECT f.*, row_number() OVER (PARTITION BY f.order_id ORDER BY v.data_version DESC) AS place
      FROM {source} f JOIN versions v ON v.import_id = f.import_id) w
WHERE place = 1"""


def scored(source: str, edges: Edges) -> str:
    """Add r_score, f_score and m_score."""
    columns = ", ".join(_score(name, edges.get(name, ())) for name in SCORES)
    return f"SELECT s.*, {columns} FROM {source} s"


def _score(figure: str, edges: Sequence[Decimal]) -> str:
    """The class of the first edge that is not below the value; without an order it is 1."""
    place = _above(f"s.{figure}", cuts(edges, CENT if figure == "monetary" else Decimal(1)))
    graded = f"5 - ({place})" if figure == "recency_days" else f"1 + {place}"
    counted = f"CASE WHEN s.frequency > 0 THEN {graded} ELSE 1 END"
    return f"CAST({counted} AS smallint) AS {figure[0]}_score"


def _above(value: str, steps: Sequence[Decimal]) -> str:
    """How many of the steps the value is above."""
    return " + ".join(["0", *(f"CASE WHEN {value} > {step} THEN 1 ELSE 0 END" for step in steps)])


def assigned(
    source: str, columns: Sequence[str], model: Model, dialect: Dialect, earlier: str = "NULL"
) -> str:
    """The columns, and the nearest centroid (the first of equals) of each customer.

    Customers who are in no cluster are told apart by `silent_days`. Whoever is past a border of
    the segment `earlier`, an expression on the source `s`, by no more than the margin stays.

    cluster_id, segment_name, and distance and next_distance in standard deviations.
    """
    carried, numbers = ", ".join(columns), range(model.k)
    apart = "frequency = 0" if model.apart else "FALSE"
    squares = ", ".join(f"{_square(model, number, dialect)} AS d{number}" for number in numbers)
    nearest = _least([f"d{number}" for number in numbers])
    never = f"CASE WHEN silent_days IS NULL THEN {model.k + 1} ELSE {model.k} END"
    place = " ".join([
        f"WHEN {apart} THEN {never}",
        *(_stays(model, dialect) if model.margin and earlier != "NULL" else ()),
        *(f"WHEN d{number} = nearest THEN {number}" for number in numbers),
    ])  # fmt: skip
    others = [f"CASE WHEN cluster = {number} THEN NULL ELSE d{number} END" for number in numbers]
    following = _least(others) if model.k > 1 else "nearest"
    own = _chosen("cluster", [f"d{number}" for number in numbers])
    points = _points(source, model.space, dialect, f"{earlier} AS earlier")
    return f"""
SELECT {carried}, CAST(place AS smallint) AS cluster_id,
       {_chosen("place", [dialect.text(name) for name in model.segments])} AS segment_name,
       CASE WHEN cluster < {model.k} THEN sqrt({own}) ELSE 0 END AS distance,
       CASE WHEN cluster < {model.k} THEN sqrt({following}) ELSE 0 END AS next_distance
FROM (SELECT n.*, {_with_firsts(model)} AS place
FROM (SELECT m.*, CASE {place} END AS cluster
      FROM (SELECT d.*, {nearest} AS nearest
            FROM (SELECT {carried}, earlier, {squares} FROM ({points}) p) d) m) n) l"""


def _with_firsts(model: Model) -> str:
    """The cluster, or the number of those who bought once, and lately."""
    if not (model.apart and model.settled and model.fresh_days):
        return "cluster"
    settled = ", ".join(map(str, model.settled))
    return (
        f"CASE WHEN frequency = 1 AND recency_days <= {model.fresh_days}"
        f" AND cluster IN ({settled}) THEN {model.firsts} ELSE cluster END"
    )


def with_earlier(source: str, before: str) -> str:
    """Add earlier_segment, that of the snapshot `before`."""
    return (
        f"(SELECT f.*, b.segment_name AS earlier_segment FROM {source} f"
        f" LEFT JOIN {before} b ON b.customer_id = f.customer_id)"
    )


def _stays(model: Model, dialect: Dialect) -> Iterator[str]:
    """By own cluster, that a customer is past no border of it by more than the margin."""
    for own, (name, allowed) in enumerate(zip(model.names, model.allowances(), strict=True)):
        inside = [f"d{own} - d{other} <= {_real(most, dialect)}"
                  for other, most in enumerate(allowed.tolist())]  # fmt: skip
        yield f"WHEN earlier = {dialect.text(name)} AND {' AND '.join(inside)} THEN {own}"


def _points(source: str, space: Space, dialect: Dialect, more: str) -> str:
    """Add p0, p1 and p2: R, F, M in standard deviations, as `Space.points` has them; and more."""
    columns = ", ".join(
        f"({_shaped(space, place, dialect)} - {_real(space.mean[place], dialect)})"
        f" / {_real(space.scale[place], dialect)} AS p{place}"
        for place in range(len(SCORES))
    )
    return f"SELECT s.*, {columns}, {more} FROM {source} s"


def _shaped(space: Space, place: int, dialect: Dialect) -> str:
    value = dialect.real(f"s.{SCORES[place]}")
    if space.transform == "log1p" and place:
        return f"sign({value}) * ln(1 + abs({value}))"
    if space.transform == "yeo-johnson" and space.lambdas:
        power = space.lambdas[place]
        return (
            f"CASE WHEN {value} < 0 THEN -({_power(f'-{value}', 2 - power, dialect)})"
            f" ELSE {_power(value, power, dialect)} END"
        )
    return value


def _power(value: str, power: float, dialect: Dialect) -> str:
    """Yeo-Johnson of what is not negative; evaluated for negative numbers, too: hence `abs`."""
    grown = f"ln(1 + abs({value}))"
    exponent = _real(power, dialect)
    return grown if power == 0 else f"(exp({exponent} * {grown}) - 1) / {exponent}"


def _square(model: Model, number: int, dialect: Dialect) -> str:
    """The squared distance to a centroid."""
    parts = [(f"(p{place} - {_real(value, dialect)})")
             for place, value in enumerate(model.centroids[number].tolist())]  # fmt: skip
    return " + ".join(f"{part} * {part}" for part in parts)


def _real(value: float, dialect: Dialect) -> str:
    """All 17 digits, so that it is the same number everywhere."""
    return dialect.real(f"'{value!r}'")


def _least(expressions: Sequence[str]) -> str:
    """LEAST wants two; it passes over NULL."""
    return f"least({', '.join(expressions)})" if len(expressions) > 1 else expressions[0]


def _chosen(column: str, values: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {number} THEN {value}" for number, value in enumerate(values))
    return f"CASE {column} {cases} END"


def centres(model: Model, dialect: Dialect) -> str:
    """Columns of `customer_clusters`: the centroid in real units, by cluster_id."""
    found = model.centres()
    firsts = f"CASE WHEN cluster_id = {model.firsts} THEN"
    apart = {
        "recency_days": dialect.real(f"{firsts} {model.fresh_days} ELSE recency_days END"),
        "frequency": dialect.real(f"{firsts} 1 ELSE 0 END"),
    }
    return ", ".join(
        f"CASE WHEN cluster_id < {model.k}"
        f" THEN {_chosen('cluster_id', [_real(centre[name], dialect) for centre in found])}"
        f" ELSE {apart.get(name, dialect.real('0'))} END AS centre_{name}"
        for name in SCORES
    )


COMPARED = ("recency_days", "frequency", "monetary", "segment_name")


def flows(
    before: str, after: str, then: ScoringDefinition, now: ScoringDefinition, dialect: Dialect
) -> str:
    """From one snapshot to another: from_segment, to_segment, cause, ordered, with their sums.

    The rule of `rfm_common.explain`, as `scoring.snapshot.flows` has it for tables in memory.
    """
    known = ", ".join(f"b.{name} AS {name}_before" for name in COMPARED)
    own = ", ".join(f"a.{name}" for name in COMPARED)
    both = (f"(SELECT {own}, {known} FROM {after} a"
            f" LEFT JOIN {before} b ON b.customer_id = a.customer_id)")  # fmt: skip
    elapsed = elapsed_days(then, now)
    return f"""
SELECT from_segment, to_segment, cause, ordered, count(*) AS customers,
       sum(COALESCE(monetary_before, 0)) AS monetary_before, sum(monetary) AS monetary_after
FROM (SELECT COALESCE(segment_name_before, '') AS from_segment, to_segment, ordered,
             monetary_before, monetary, {_cause(dialect, then, now)} AS cause
      FROM (SELECT e.*, {_ordered(elapsed)} AS ordered,
                   {_corrected(elapsed, now.window_days)} AS corrected
            FROM ({_expected(both, then, now, dialect)}) e) j) k
GROUP BY from_segment, to_segment, cause, ordered"""


def _expected(both: str, then: ScoringDefinition, now: ScoringDefinition, dialect: Dialect) -> str:
    """Where would their figures of now be under the model of then? NULL if it cannot tell."""
    columns = [*COMPARED[:3], "silent_days", *(f"{name}_before" for name in COMPARED)]
    never = dialect.text(PROSPECTS)
    renamed = (
        "(SELECT r.*, r.segment_name AS to_segment,"
        f" CASE WHEN r.segment_name = {never} THEN NULL ELSE 0 END AS silent_days FROM {both} r)"
    )
    if not is_comparable(then, now):
        return (
            f"SELECT {', '.join([*columns, 'to_segment'])}, NULL AS segment_name FROM {renamed} x"
        )
    carried, old = [*columns, "to_segment"], Model.stored(then.model)
    return assigned(renamed, carried, old, dialect, "s.segment_name_before")


def _by_model(then: ScoringDefinition, now: ScoringDefinition) -> str:
    """Whether somebody who moved would have stayed under the model of then, which is gone."""
    if is_same_model(then.model, now.model):
        return "FALSE"
    return "COALESCE(segment_name, segment_name_before) = segment_name_before"


def _ordered(elapsed: int) -> str:
    return f"""CASE WHEN e.frequency > e.frequency_before
        OR e.frequency > 0 AND e.recency_days < e.recency_days_before + {elapsed}
        THEN 1 ELSE 0 END"""


def _corrected(elapsed: int, window_days: int) -> str:
    due = f"e.recency_days_before + {elapsed}"
    is_older = f"e.recency_days > {due} + 1"
    return f"""CASE WHEN e.frequency_before > 0 AND (
            e.frequency = e.frequency_before
            AND (e.monetary <> e.monetary_before OR {is_older})
            OR e.frequency < e.frequency_before AND {due} < {window_days}
            AND (e.frequency = 0 OR {is_older}))
        THEN 1 ELSE 0 END"""


def _cause(dialect: Dialect, then: ScoringDefinition, now: ScoringDefinition) -> str:
    cases = {
        "segment_name_before IS NULL": Cause.NEW_CUSTOMER,
        "to_segment = segment_name_before": Cause.STAYED,
        "TRUE" if not is_comparable(then, now) else "FALSE": Cause.DEFINITION,
        _by_model(then, now): Cause.MODEL,
        "ordered = 1": Cause.NEW_ORDER,
        "corrected = 1": Cause.CORRECTION,
    }
    whens = " ".join(f"WHEN {when} THEN {dialect.text(then)}" for when, then in cases.items())
    return f"CASE {whens} ELSE {dialect.text(Cause.AGEING)} END"
