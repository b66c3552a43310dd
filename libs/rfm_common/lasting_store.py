"""The lasting settings of the database: the one place where the settings in effect are made.

The environment takes precedence over what is stored, and that over the default. Services ask at
the start of each run, import and request, so a change needs no restart.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.db import AdvisoryLock, lock
from rfm_common.errors import ConflictError, InvalidInputError
from rfm_common.lasting import NAMES, Value, as_json, checked, variable
from rfm_common.models import StoredSetting
from rfm_common.settings import Settings

log = logging.getLogger("rfm.settings")

STORED = "SELECT name, value FROM settings"


class Change(NamedTuple):
    """A setting that got another value."""

    name: str
    before: Value
    after: Value


def is_fixed(settings: Settings, name: str) -> bool:
    """Whether the environment decides about a setting."""
    return name in settings.model_fields_set


def with_stored(settings: Settings, stored: Mapping[str, Any]) -> Settings:
    """The settings of the environment, and those stored that it does not name."""
    update = {}
    for name, value in stored.items():
        if name not in NAMES or is_fixed(settings, name):
            continue
        try:
            update[name] = checked(name, value)
        except InvalidInputError as error:  # a zone, say, that this machine does not know
            _warn(error.detail)
    return settings.model_copy(update=update)


@cache
def _warn(detail: str) -> None:
    """Once in a process, for settings are asked for often."""
    log.warning("a stored setting is ignored: %s", detail)


async def effective(session: AsyncSession, settings: Settings) -> Settings:
    """The settings in effect; `settings` must be those of the environment."""
    found = await session.exec(select(StoredSetting.name, StoredSetting.value))
    return with_stored(settings, dict(found.all()))


async def change(
    session: AsyncSession, settings: Settings, wanted: Mapping[str, object], actor: str
) -> list[Change]:
    """Store settings, None for the default; which of them have another value than before.

    Each of those gets an entry in the audit log. Raises InvalidInputError, which says what is
    allowed, and ConflictError for a setting of the environment; then nothing is stored.
    """
    await lock(session, AdvisoryLock.SETTINGS)
    values = {name: _stored_value(settings, name, value) for name, value in wanted.items()}
    before = await effective(session, settings)
    for name, value in values.items():
        await _store(session, name, value, actor)
    await session.flush()
    after = await effective(session, settings)
    changes = [
        Change(name, was, became)
        for name in values
        if (was := as_json(getattr(before, name))) != (became := as_json(getattr(after, name)))
    ]
    for one in changes:
        detail = {"from": one.before, "to": one.after}
        audit.record(session, actor, "settings.change", one.name, detail=detail)
    return changes


def _stored_value(settings: Settings, name: str, value: object) -> Value:
    if name not in NAMES:
        raise InvalidInputError(f"there is no setting {name}; there are {', '.join(NAMES)}")
    if is_fixed(settings, name):
        raise ConflictError(
            f"{name} is set by {variable(name)} in the environment: change it there and restart",
            field=name,
        )
    return None if value is None else as_json(checked(name, value))


async def _store(session: AsyncSession, name: str, value: Value, actor: str) -> None:
    kept = await session.get(StoredSetting, name)
    if value is None and kept:
        await session.delete(kept)
    elif value is not None and (kept is None or kept.value != value):
        row = kept or StoredSetting(name=name, value=value, changed_by=actor)
        row.value, row.changed_by, row.changed_at = value, actor, datetime.now(UTC)
        session.add(row)
