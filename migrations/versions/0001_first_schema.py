"""The first schema: customers, orders, the import ledger, runs and their snapshots."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


CLUSTER_SCORE = """CAST('{"centroid":{"recency_days":' || CAST(centre_recency_days AS text)
    || ',"frequency":' || CAST(centre_frequency AS text)
    || ',"monetary":' || CAST(centre_monetary AS text)
    || '},"distance":' || CAST(distance AS text)
    || ',"next_distance":' || CAST(next_distance AS text) || '}' AS jsonb)"""


def has_virtual_columns() -> bool:
    return (op.get_bind().dialect.server_version_info or (0,)) >= (18,)


def upgrade() -> None:
    op.create_table(
        "customer_clusters",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("calc_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cluster_id", sa.SmallInteger(), nullable=False),
        sa.Column("segment_name", sa.Text(), nullable=False),
        sa.Column("segment_rank", sa.Integer(), nullable=False),
        sa.Column("centre_recency_days", sa.Float(), nullable=False),
        sa.Column("centre_frequency", sa.Float(), nullable=False),
        sa.Column("centre_monetary", sa.Float(), nullable=False),
        sa.Column("distance", sa.Float(), nullable=False),
        sa.Column("next_distance", sa.Float(), nullable=False),
        sa.Column(
            "cluster_score",
            postgresql.JSONB(astext_type=sa.Text()),
            # PostgreSQL before 18 has no virtual columns; there the JSON is stored.
            sa.Computed(CLUSTER_SCORE, persisted=not has_virtual_columns()),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("customer_id", "calc_date", name=op.f("pk_customer_clusters")),
        postgresql_partition_by="LIST (calc_date)",
    )
    op.create_index(
        "ix_customer_clusters_segment_name_segment_rank",
        "customer_clusters",
        ["segment_name", "segment_rank"],
        unique=False,
    )
    op.create_table(
        "customers",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("import_line", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customers")),
    )
    op.create_table(
        "data_state",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("data_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("scored_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_data_state_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_state")),
    )
    op.create_table(
        "exchange_rates",
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=24, scale=12), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("import_line", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("currency", "valid_from", name=op.f("pk_exchange_rates")),
    )
    op.create_table(
        "imports",
        sa.Column("import_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "customers", "orders", "exchange_rates", name="kind", native_enum=False, length=32
            ),
            nullable=True,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "reading",
                "loaded",
                "loaded_with_rejects",
                "duplicate",
                "quarantined",
                name="importstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_new", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_updated", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_superseded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column(
            "notes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "effects",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.Column("data_version", sa.BigInteger(), nullable=True),
        sa.Column("stored_path", sa.Text(), nullable=True),
        sa.Column("file_identity", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state NOT IN ('loaded', 'loaded_with_rejects') OR rows_total = rows_new + rows_updated + rows_unchanged + rows_superseded + rows_rejected",
            name=op.f("ck_imports_rows_add_up"),
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_started_at", "imports", ["started_at"], unique=False)
    op.create_index(
        "uq_imports_loaded_sha256",
        "imports",
        ["sha256", "kind"],
        unique=True,
        postgresql_where=sa.text("state IN ('loaded', 'loaded_with_rejects')"),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column(
            "data",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["outbox_id"],
        unique=False,
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "rfm_features",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("calc_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recency_days", sa.Integer(), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("monetary", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.Column("r_score", sa.SmallInteger(), nullable=False),
        sa.Column("f_score", sa.SmallInteger(), nullable=False),
        sa.Column("m_score", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "calc_date", name=op.f("pk_rfm_features")),
        postgresql_partition_by="LIST (calc_date)",
    )
    op.create_table(
        "scoring_runs",
        sa.Column("run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "running",
                "finished",
                "failed",
                "cancelled",
                name="runstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "parameters",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("calc_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("k", sa.Integer(), nullable=True),
        sa.Column("base_currency", sa.Text(), nullable=True),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("data_version", sa.BigInteger(), nullable=True),
        sa.Column("is_current", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("customers_processed", sa.BigInteger(), nullable=True),
        sa.Column("clusters_created", sa.Integer(), nullable=True),
        sa.Column("previous_run_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "progress",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "edges",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "model",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "metrics",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "summary",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "sweep",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column(
            "warnings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column(
            "timings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column(
            "queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_scoring_runs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_scoring_runs_idempotency_key")),
    )
    op.create_index(
        "ix_scoring_runs_open",
        "scoring_runs",
        ["run_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index(
        "uq_scoring_runs_current_calc_date",
        "scoring_runs",
        ["calc_date"],
        unique=True,
        postgresql_where=sa.text("is_current"),
    )
    op.create_table(
        "import_rejects",
        sa.Column("reject_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "rejected",
                "duplicate",
                "superseded",
                name="rowoutcome",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["imports.import_id"],
            name=op.f("fk_import_rejects_import_id_imports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("reject_id", name=op.f("pk_import_rejects")),
    )
    op.create_index(
        "ix_import_rejects_import_id_line", "import_rejects", ["import_id", "line"], unique=False
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Text(collation="C"), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("order_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("import_line", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.customer_id"], name=op.f("fk_orders_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_customer_id_order_date", "orders", ["customer_id", "order_date"], unique=False
    )
    op.create_index(
        "ix_orders_import_id", "orders", ["import_id"], unique=False, postgresql_using="brin"
    )
    op.create_table(
        "run_samples",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("recency_days", sa.Integer(), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("monetary", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.Column("cluster_id", sa.SmallInteger(), nullable=False),
        sa.Column("segment_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["scoring_runs.run_id"],
            name=op.f("fk_run_samples_run_id_scoring_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "customer_id", name=op.f("pk_run_samples")),
    )
    op.create_table(
        "segment_flows",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("from_segment", sa.Text(), nullable=False),
        sa.Column("to_segment", sa.Text(), nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "new_customer",
                "new_order",
                "ageing",
                "edges",
                "model",
                "stayed",
                name="cause",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("customers", sa.BigInteger(), nullable=False),
        sa.Column("monetary_before", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.Column("monetary_after", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["scoring_runs.run_id"],
            name=op.f("fk_segment_flows_run_id_scoring_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "run_id", "from_segment", "to_segment", "cause", name=op.f("pk_segment_flows")
        ),
    )
    op.create_table(
        "segment_stats",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("cluster_id", sa.SmallInteger(), nullable=False),
        sa.Column("segment_name", sa.Text(), nullable=False),
        sa.Column("customer_count", sa.BigInteger(), nullable=False),
        sa.Column("customer_share", sa.Float(), nullable=False),
        sa.Column("order_count", sa.BigInteger(), nullable=False),
        sa.Column("monetary", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.Column("monetary_share", sa.Float(), nullable=False),
        sa.Column("avg_recency_days", sa.Float(), nullable=False),
        sa.Column("avg_frequency", sa.Float(), nullable=False),
        sa.Column("avg_monetary", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.Column("avg_order_value", sa.Numeric(precision=24, scale=4), nullable=True),
        sa.Column("median_recency_days", sa.Float(), nullable=False),
        sa.Column("median_frequency", sa.Float(), nullable=False),
        sa.Column("median_monetary", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["scoring_runs.run_id"],
            name=op.f("fk_segment_stats_run_id_scoring_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "cluster_id", name=op.f("pk_segment_stats")),
    )
    op.execute("INSERT INTO data_state (id) VALUES (1)")


def downgrade() -> None:
    op.drop_table("segment_stats")
    op.drop_table("segment_flows")
    op.drop_table("run_samples")
    op.drop_index("ix_orders_import_id", table_name="orders", postgresql_using="brin")
    op.drop_index("ix_orders_customer_id_order_date", table_name="orders")
    op.drop_table("orders")
    op.drop_index("ix_import_rejects_import_id_line", table_name="import_rejects")
    op.drop_table("import_rejects")
    op.drop_index(
        "uq_scoring_runs_current_calc_date",
        table_name="scoring_runs",
        postgresql_where=sa.text("is_current"),
    )
    op.drop_index(
        "ix_scoring_runs_open",
        table_name="scoring_runs",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_table("scoring_runs")
    op.drop_table("rfm_features")
    op.drop_index(
        "ix_outbox_unpublished",
        table_name="outbox",
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.drop_table("outbox")
    op.drop_index(
        "uq_imports_loaded_sha256",
        table_name="imports",
        postgresql_where=sa.text("state IN ('loaded', 'loaded_with_rejects')"),
    )
    op.drop_index("ix_imports_started_at", table_name="imports")
    op.drop_table("imports")
    op.drop_table("exchange_rates")
    op.drop_table("data_state")
    op.drop_table("customers")
    op.drop_index("ix_customer_clusters_segment_name_segment_rank", table_name="customer_clusters")
    op.drop_table("customer_clusters")
