"""Bring the database to the newest schema; safe when several processes start at once."""

import asyncio
import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from rfm_common.errors import RfmError
from rfm_common.settings import Settings

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_UNKNOWN = re.compile(r"Can't locate revision identified by '(.*)'")


class NewerSchemaError(RfmError):
    """The database was upgraded by a newer version."""


def alembic_config(settings: Settings) -> Config:
    """Alembic's configuration; `env.py` takes the database from these settings."""
    config = Config(attributes={"settings": settings})
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


async def upgrade(settings: Settings) -> None:
    """Apply the migrations that are missing, one process at a time (an advisory lock).

    Raises NewerSchemaError for a schema that this version does not know.
    """
    try:
        await asyncio.to_thread(command.upgrade, alembic_config(settings), "head")
    except CommandError as error:
        if unknown := _UNKNOWN.search(str(error)):
            raise NewerSchemaError(
                f"the database has the schema {unknown[1]} of a newer version of RFM: start that"
                " version, or restore a backup that this one made"
            ) from error
        raise


def known_revisions(settings: Settings) -> frozenset[str]:
    """The schemas that `upgrade` can start from."""
    script = ScriptDirectory.from_config(alembic_config(settings))
    return frozenset(found.revision for found in script.walk_revisions())
