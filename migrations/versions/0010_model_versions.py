"""A number for each model; those of older runs get theirs in the order in which they came."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MODELS = """
CREATE TEMP TABLE numbered ON COMMIT DROP AS
SELECT run_id, finished_at, parameters->>'k' AS k,
       coalesce(parameters->>'transform', model->>'transform') AS transform,
       coalesce(parameters->>'rule', model->>'rule', 'classic') AS rule,
       encode(sha256(convert_to(jsonb_build_array(
           model->'transform', model->'mean', model->'scale', model->'lambdas',
           model->'centroids', model->'names', coalesce(model->>'rule', 'classic'))::text,
           'UTF8')), 'hex') AS digest,
       coalesce(nullif(model->>'reason', ''), 'no earlier model to start from') AS reason
FROM scoring_runs
WHERE state = 'finished' AND jsonb_array_length(model->'centroids') > 0
  AND NOT parameters @> '{"preview": true}' AND parameters ? 'k'
"""
NUMBER = """
INSERT INTO model_versions (version, run_id, k, transform, rule, digest, reason, state, created_at)
SELECT row_number() OVER (ORDER BY run_id), run_id, k, transform, rule, digest, reason,
       'published', coalesce(finished_at, now())
FROM (SELECT DISTINCT ON (k, transform, rule, digest) * FROM numbered
      ORDER BY k, transform, rule, digest, run_id) first
"""
LINK = """
UPDATE scoring_runs r SET model_version = v.version
FROM numbered n JOIN model_versions v USING (k, transform, rule, digest)
WHERE r.run_id = n.run_id
"""


def upgrade() -> None:
    op.create_table(
        "model_versions",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("k", sa.Text(), nullable=False),
        sa.Column("transform", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("is_pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["scoring_runs.run_id"],
            name=op.f("fk_model_versions_run_id_scoring_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_versions")),
    )
    line = ["k", "transform", "rule"]
    op.create_index(
        "uq_model_versions_line_digest", "model_versions", [*line, "digest"], unique=True
    )
    op.create_index(
        "uq_model_versions_pinned_line", "model_versions", line, unique=True,
        postgresql_where=sa.text("is_pinned"),
    )  # fmt: skip
    op.add_column("scoring_runs", sa.Column("model_version", sa.BigInteger(), nullable=True))
    for statement in (MODELS, NUMBER, LINK):
        op.execute(statement)


def downgrade() -> None:
    op.drop_column("scoring_runs", "model_version")
    op.drop_table("model_versions")
