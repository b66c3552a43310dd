"""The versions of the model, and one in full."""

import msgspec
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.models.schemas import ModelCluster, ModelDetail, ModelRow, Proposal
from rfm_common.documents import ClusterMetrics
from rfm_common.model_versions import IN_FORCE, automatic_line, find_proposal
from rfm_common.models import ScoringRun
from rfm_common.settings import Settings
from rfm_common.snapshots import BY_DATE

_MODELS = f"""
WITH newest AS ({IN_FORCE})
SELECT v.version, v.state, v.version IN (SELECT version FROM newest) AS in_force, v.is_pinned,
       jsonb_array_length(r.model->'centroids') AS k, v.k = 'auto' AS is_auto,
       r.model->>'transform' AS transform, v.rule,
       ARRAY(SELECT jsonb_array_elements_text(r.model->'names')) AS segments,
       (v.k, v.transform, v.rule) = (:k, :transform, :rule) AS is_automatic,
       v.reason, v.run_id, v.created_at, v.decided_by, v.decided_at
FROM model_versions v JOIN scoring_runs r ON r.run_id = v.run_id"""


async def list_models(
    session: AsyncSession, settings: Settings, limit: int = 1000
) -> list[ModelRow]:
    """The newest versions first."""
    return await rows.many(
        session, ModelRow, f"{_MODELS} ORDER BY v.version DESC LIMIT :limit",
        limit=limit, **automatic_line(settings)._asdict(),
    )  # fmt: skip


async def find_model(session: AsyncSession, settings: Settings, version: int) -> ModelDetail | None:
    """One version with its centroids."""
    row = await rows.one(
        session, ModelRow, f"{_MODELS} WHERE v.version = :version",
        version=version, **automatic_line(settings)._asdict(),
    )  # fmt: skip
    return await _in_full(session, row) if row else None


async def find_in_force(
    session: AsyncSession, settings: Settings, model: ModelRow
) -> ModelDetail | None:
    """The other model of the same line that is in force; None where it is this one, or none is."""
    row = await rows.one(
        session, ModelRow,
        f"{_MODELS} JOIN model_versions this ON (this.k, this.transform, this.rule)"
        " = (v.k, v.transform, v.rule) WHERE this.version = :version AND v.version <> :version"
        " AND v.version IN (SELECT version FROM newest)",
        version=model.version, **automatic_line(settings)._asdict(),
    )  # fmt: skip
    return await _in_full(session, row) if row else None


async def _in_full(session: AsyncSession, row: ModelRow) -> ModelDetail:
    run = await _measured(session, row)
    model, proposal = run.model, await find_proposal(session, row.version)
    return ModelDetail(
        **msgspec.structs.asdict(row),
        base_currency=run.base_currency,
        verdict=run.metrics.get("verdict", ""),
        measured_by=run.run_id,
        proposal=msgspec.convert(proposal.metrics["proposal"], Proposal) if proposal else None,
        clusters=[_cluster(one) for one in run.metrics.get("clusters", [])],
        mean=model["mean"], scale=model["scale"], lambdas=model["lambdas"],
        centroids=model["centroids"],
    )  # fmt: skip


async def _measured(session: AsyncSession, row: ModelRow) -> ScoringRun:
    """The newest run whose scores are made with the model, else the first that had it."""
    found = await session.exec(
        select(ScoringRun)
        .where(col(ScoringRun.is_current), ScoringRun.model_version == row.version)
        .order_by(text(BY_DATE))
        .limit(1)
    )
    newest = found.first()
    return newest if newest else await session.get_one(ScoringRun, row.run_id)


def _cluster(found: ClusterMetrics) -> ModelCluster:
    centre = found["centroid"]
    return msgspec.convert(
        {**found, "recency_days": centre["recency_days"], "frequency": centre["frequency"],
         "mean_monetary": centre["monetary"]},
        ModelCluster, strict=False,
    )  # fmt: skip
