"""Bring the database to the newest schema; safe when several processes start at once."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from rfm_common.settings import Settings

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def alembic_config(settings: Settings) -> Config:
    """Alembic's configuration; `env.py` takes the database from these settings."""
    config = Config(attributes={"settings": settings})
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


async def upgrade(settings: Settings) -> None:
    """Apply the migrations that are missing, one process at a time (an advisory lock)."""
    await asyncio.to_thread(command.upgrade, alembic_config(settings), "head")


def known_revisions(settings: Settings) -> frozenset[str]:
    """The schemas that `upgrade` can start from."""
    script = ScriptDirectory.from_config(alembic_config(settings))
    return frozenset(found.revision for found in script.walk_revisions())
