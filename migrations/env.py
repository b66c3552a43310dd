"""Alembic's entry: one transaction under an advisory lock, so that any number may start at once."""

import asyncio
from contextlib import nullcontext

from alembic import context
from sqlalchemy import Connection, text

from rfm_common.db import AdvisoryLock, create_engine
from rfm_common.models import metadata
from rfm_common.snapshots import PARENTS, VALUES
from rfm_common.startup import database_or_exit, read_settings


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Leave out the partitions that runs create, and the loader's work tables."""
    if type_ != "table" or name is None or name in metadata.tables:
        return True
    return not name.startswith((*(f"{table}_" for table in (*PARENTS, VALUES)), "stage_"))


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, include_name=include_name,
        compare_server_default=True,
    )  # fmt: skip
    with context.begin_transaction():
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": int(AdvisoryLock.MIGRATE)}
        )
        context.run_migrations()


async def main() -> None:
    given = context.config.attributes.get("settings")
    settings = given or read_settings("migrate")
    engine = create_engine(settings, "migrate", pool_size=1)
    # A service that upgrades decides itself what to do: one waits for its database.
    with nullcontext() if given else database_or_exit("migrate", settings):
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("offline SQL scripts are not supported: run against a database")
asyncio.run(main())
