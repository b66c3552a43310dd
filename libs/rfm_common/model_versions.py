"""Models with a number: the same places and names are the same model, whichever run has them."""

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql

_DIGEST = """
encode(sha256(convert_to(jsonb_build_array(
    r.model->'transform', r.model->'mean', r.model->'scale', r.model->'lambdas',
    r.model->'centroids', r.model->'names', coalesce(r.model->>'rule', 'classic'))::text,
    'UTF8')), 'hex')"""
LINE = "k, transform, rule"
_LINE_OF_RUN = """
r.parameters->>'k', r.parameters->>'transform', coalesce(r.parameters->>'rule', 'classic')"""

_NUMBER = f"""
INSERT INTO model_versions (version, run_id, {LINE}, digest, reason, state)
SELECT (SELECT coalesce(max(version), 0) + 1 FROM model_versions), r.run_id,
       {_LINE_OF_RUN}, {_DIGEST},
       coalesce(nullif(r.model->>'reason', ''), 'the first model of its kind'), 'published'
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


async def number_model(session: AsyncSession, run_id: int) -> None:
    """Give a finished run's model its number: a new one unless its line has that model already.

    A run with the model of another run has the number of that one. To be called by one
    transaction at a time, as publishing is.
    """
    for statement in (_NUMBER, _LINK):
        await run_sql(session, statement, run_id=run_id)
