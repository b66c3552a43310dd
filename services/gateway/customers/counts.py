"""How many customers pass a filter: from figures stored with the run where these tell."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.filters import Condition, CustomerFilter, condition
from gateway.kit import rows
from gateway.kit.schemas import Snapshot


async def count(
    session: AsyncSession,
    snapshot: Snapshot,
    narrowed: CustomerFilter,
    passing: Condition | None = None,
) -> int:
    """The customers that pass the filter, or `passing` when that says more than the filter."""
    if passing is None:
        stored = await _stored(session, snapshot, narrowed)
        if stored is not None:
            return stored
        passing = condition(narrowed)
    statement = f"SELECT count(*) {passing.source(snapshot)}"
    return int(await rows.scalar(session, statement, **passing.values))


async def _stored(
    session: AsyncSession, snapshot: Snapshot, narrowed: CustomerFilter
) -> int | None:
    values = narrowed.values
    for names, statement in _STATEMENTS:
        if values.keys() <= names:
            given = {name: values.get(name) for name in names}
            found = await rows.scalar(session, statement, run=snapshot.run_id, **given)
            return None if found is None else int(found)
    return None


def _if_given(name: str, kind: str, column: str) -> str:
    return f"(CAST(:{name} AS {kind}) IS NULL OR {column} = CAST(:{name} AS {kind}))"


_IN_SEGMENT = (
    f"run_id = :run AND {_if_given('segment_name', 'text', 'segment_name')}"
    f" AND {_if_given('cluster_id', 'int', 'cluster_id')}"
)
_IN_CELL = " AND ".join(
    _if_given(name, "int", f"CAST(cell->>'{name}' AS int)") for name in ("r_score", "fm_score")
)
_CELLS = f"""
SELECT CASE WHEN summary->'grid' IS NOT NULL THEN (
    SELECT coalesce(sum(CAST(cell->>'customers' AS bigint)), 0)
    FROM jsonb_array_elements(summary->'grid') AS cell WHERE {_IN_CELL}) END
FROM"""
_SEGMENT = frozenset({"segment_name", "cluster_id"})
_CELL = frozenset({"r_score", "fm_score"})
_COUNTRY = frozenset({"country"})
_STATEMENTS: tuple[tuple[frozenset[str], str], ...] = (
    (
        _SEGMENT,
        f"SELECT coalesce(sum(customer_count), 0) FROM segment_stats WHERE {_IN_SEGMENT}",
    ),
    (_CELL, f"{_CELLS} scoring_runs WHERE run_id = :run"),
    (
        _SEGMENT | _COUNTRY,
        "SELECT (SELECT coalesce(sum(customer_count), 0) FROM segment_countries"
        f" WHERE country = :country AND {_IN_SEGMENT})"
        " FROM country_summaries WHERE run_id = :run AND country = :country",
    ),
    (_CELL | _COUNTRY, f"{_CELLS} country_summaries WHERE run_id = :run AND country = :country"),
)
"""Which filters a statement can count; without a row, or with NULL, it cannot."""
