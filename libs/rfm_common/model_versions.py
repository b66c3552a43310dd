"""Models with a number: the same places and names are the same model, whichever run has them.

What a person decides about them is written here, too.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.db import run_sql
from rfm_common.errors import ConflictError, existing
from rfm_common.models import ModelState, ModelVersion, ScoringRun
from rfm_common.runs import RunRequest, queue_run
from rfm_common.settings import Settings
from rfm_common.snapshots import BY_DATE


class Line(NamedTuple):
    """Models that were asked for alike; one of them is in force."""

    k: str
    transform: str
    rule: str

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> "Line":
        """That of a run's parameters."""
        return cls(str(asked["k"]), asked["transform"], asked.get("rule", "classic"))

    def __str__(self) -> str:
        return f"k = {self.k}, transform {self.transform} and rule {self.rule}"

    @property
    def is_same(self) -> list[ColumnElement[bool]]:
        """Whether a model is of this line."""
        return [col(getattr(ModelVersion, name)) == value for name, value in self._asdict().items()]


_DIGEST = """
encode(sha256(convert_to(jsonb_build_array(
    r.model->'transform', r.model->'mean', r.model->'scale', r.model->'lambdas',
    r.model->'centroids', r.model->'names', coalesce(r.model->>'rule', 'classic'))::text,
    'UTF8')), 'hex')"""
LINE = ", ".join(Line._fields)
IN_FORCE = f"""
SELECT DISTINCT ON ({LINE}) version
FROM (SELECT v.version, v.k, v.transform, v.rule, r.calc_date
      FROM scoring_runs r JOIN model_versions v ON v.version = r.model_version
      WHERE r.is_current) shown
ORDER BY {LINE}, {BY_DATE}"""  # noqa: S608 - constants
"""SQL: the version of each line that its newest scores are made with."""
_LINE_OF_RUN = """
r.parameters->>'k', r.parameters->>'transform', coalesce(r.parameters->>'rule', 'classic')"""

_NUMBER = f"""
INSERT INTO model_versions (version, run_id, {LINE}, digest, reason, state)
SELECT (SELECT coalesce(max(version), 0) + 1 FROM model_versions), r.run_id,
       {_LINE_OF_RUN}, {_DIGEST},
       coalesce(nullif(r.model->>'reason', ''), 'no earlier model to start from'),
       CASE WHEN r.parameters ? 'refit' THEN 'proposed' ELSE 'published' END
FROM scoring_runs r
WHERE r.run_id = :run_id AND jsonb_array_length(r.model->'centroids') > 0
  AND NOT EXISTS (SELECT 1 FROM scoring_runs t WHERE t.model_version IS NOT NULL
                  AND t.run_id = CAST(r.parameters->>'model_run_id' AS bigint))
ON CONFLICT ({LINE}, digest) DO NOTHING
"""  # noqa: S608 - constants
_LINK = f"""
UPDATE scoring_runs r SET model_version = coalesce(
    (SELECT t.model_version FROM scoring_runs t
     WHERE t.run_id = CAST(r.parameters->>'model_run_id' AS bigint)),
    (SELECT v.version FROM model_versions v
     WHERE ({LINE}, digest) = ({_LINE_OF_RUN}, {_DIGEST})))
WHERE r.run_id = :run_id
"""  # noqa: S608 - constants
_SETTLE = """
UPDATE model_versions v
SET state = CASE WHEN r.parameters ? 'refit' THEN 'proposed' ELSE 'published' END
FROM scoring_runs r
WHERE r.run_id = :run_id AND v.version = r.model_version
  AND NOT (r.parameters ? 'refit' AND v.state = 'refused')
"""
_OUTDATE = f"""
UPDATE model_versions v
SET state = CASE WHEN f.parameters ? 'refit' THEN 'outdated' ELSE 'published' END
FROM scoring_runs p, scoring_runs f, scoring_runs r
JOIN model_versions n ON n.version = r.model_version
WHERE r.run_id = :run_id AND v.state = 'proposed' AND f.run_id = v.run_id AND p.run_id = (
    SELECT max(run_id) FROM scoring_runs WHERE model_version = v.version AND parameters ? 'refit')
  AND v.version <> n.version
  AND (r.parameters ? 'refit'
       AND (v.k, v.transform, v.rule) = (n.k, n.transform, n.rule)
    OR CAST(p.metrics->'proposal'->>'model_version' AS bigint) NOT IN ({IN_FORCE}))
"""  # noqa: S608 - constants


async def number_model(session: AsyncSession, run_id: int) -> None:
    """Give a finished run's model its number: a new one unless its line has that model already.

    A run with the model of another run has the number of that one. What was refused is not
    proposed again. A proposal is outdated by another one, and by another model in force than it
    was compared with. To be called by one transaction at a time, as publishing is.
    """
    for statement in (_NUMBER, _LINK, _SETTLE, _OUTDATE):
        await run_sql(session, statement, run_id=run_id)


def automatic_line(settings: Settings) -> Line:
    """That of the runs which start by themselves."""
    return Line.of(RunRequest().parameters(settings))


async def publish_model(
    session: AsyncSession, settings: Settings, version: int, actor: str
) -> ScoringRun:
    """Pin a model and queue a run of today with it; the caller commits and relays.

    Runs of its line keep it from now on, until another model of the line is published or it is
    unpinned. Raises NotFoundError, and ConflictError for a model that automatic runs would not
    use, because the next one would take its scores away.
    """
    row = await _locked(session, version)
    _check_line(row, settings)
    await _pin(session, row, actor)
    row.state = ModelState.PUBLISHED
    run = await queue_run(session, settings, RunRequest(model_run_id=row.run_id), "api")
    audit.record(session, actor, "model.publish", f"model {version}", None, {"run_id": run.run_id})
    return run


async def propose_model(session: AsyncSession, settings: Settings) -> ScoringRun:
    """Queue a preview that fits anew and compares it with the model in force; commit and relay.

    It gets a number if it would move anybody. Raises ConflictError while nothing is in force.
    """
    line = automatic_line(settings)
    if (await session.exec(select(ModelVersion).where(*line.is_same).limit(1))).first() is None:
        raise ConflictError(f"there is no model for {line} yet: score once, then propose another")
    return await queue_run(session, settings, RunRequest(preview=True, refit=True), "api")


async def find_proposal(session: AsyncSession, version: int) -> ScoringRun | None:
    """The newest run that proposed a model."""
    found = await session.exec(
        select(ScoringRun)
        .where(col(ScoringRun.parameters).contains({"refit": True}))
        .where(ScoringRun.model_version == version)
        .order_by(col(ScoringRun.run_id).desc())
        .limit(1)
    )
    return found.first()


async def refuse_model(session: AsyncSession, version: int, actor: str) -> None:
    """Refuse a proposal and pin the model that it was compared with.

    Runs neither take nor offer another one for the same cause then. Raises NotFoundError, and
    ConflictError for what is no proposal any more.
    """
    row = await _locked(session, version)
    if row.state is not ModelState.PROPOSED:
        raise ConflictError(
            f"model {version} is not waiting for a decision: it is {row.state}", version=version
        )
    run = existing(await find_proposal(session, version), f"proposal {version}", "version")
    kept = await session.get_one(ModelVersion, run.metrics["proposal"]["model_version"])
    if not kept.is_pinned:
        await _pin(session, kept, actor)
    row.state, row.decided_by, row.decided_at = ModelState.REFUSED, actor, datetime.now(UTC)
    audit.record(session, actor, "model.refuse", f"model {version}", None,
                 {"kept": kept.version})  # fmt: skip


async def unpin_model(session: AsyncSession, version: int, actor: str) -> None:
    """Let runs replace a model by themselves again, as if no person had chosen it.

    Raises NotFoundError, and ConflictError when it is not pinned.
    """
    row = await _locked(session, version)
    if not row.is_pinned:
        raise ConflictError(f"model {version} is not pinned", version=version)
    row.is_pinned = False
    audit.record(session, actor, "model.unpin", f"model {version}")


async def _locked(session: AsyncSession, version: int) -> ModelVersion:
    """The row of a model; nobody else decides about its line until the transaction ends."""
    row = existing(await session.get(ModelVersion, version), f"model {version}", "version")
    await session.exec(
        select(ModelVersion)
        .where(*_line_of(row).is_same)
        .order_by(col(ModelVersion.version))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return row


def _line_of(row: ModelVersion) -> Line:
    return Line(row.k, row.transform, row.rule)


def _check_line(row: ModelVersion, settings: Settings) -> None:
    line, automatic = _line_of(row), automatic_line(settings)
    if line != automatic:
        raise ConflictError(
            f"model {row.version} is for {line}, but automatic runs use {automatic}, so the next"
            " one would replace its scores; change the settings first",
            version=row.version,
        )


async def _pin(session: AsyncSession, row: ModelVersion, actor: str) -> None:
    """In the place of the one of its line that was pinned."""
    alike = _line_of(row).is_same
    await session.exec(update(ModelVersion).where(*alike).values(is_pinned=False))
    row.is_pinned, row.decided_by, row.decided_at = True, actor, datetime.now(UTC)
    session.add(row)
