"""What the settings are, and changing them: shared by the API and the page."""

from collections.abc import Mapping
from typing import Any

from babel.numbers import list_currencies
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.current import Current
from gateway.settings.schemas import SettingRow, Source
from rfm_common import lasting_store
from rfm_common.db import Sessions
from rfm_common.lasting import ALLOWED, NAMES, Lasting, as_json, checked, not_allowed, variable
from rfm_common.lasting_store import Change, effective, is_fixed
from rfm_common.models import StoredSetting
from rfm_common.settings import Settings


async def list_settings(session: AsyncSession, fixed: Settings) -> list[SettingRow]:
    """Each setting in effect; `fixed` are those of the environment."""
    stored = {row.name: row for row in (await session.exec(select(StoredSetting))).all()}
    in_effect = await effective(session, fixed)
    return [_row(name, fixed, in_effect, stored.get(name)) for name in NAMES]


def _row(
    name: str, fixed: Settings, in_effect: Settings, stored: StoredSetting | None
) -> SettingRow:
    kept = None if is_fixed(fixed, name) else stored
    source: Source = "stored" if kept else "default"
    return SettingRow(
        name=name, value=as_json(getattr(in_effect, name)), variable=variable(name),
        default=as_json(Lasting.model_fields[name].get_default(call_default_factory=True)),
        source="environment" if is_fixed(fixed, name) else source, allowed=ALLOWED[name],
        changed_at=kept.changed_at if kept else None, changed_by=kept.changed_by if kept else None,
    )  # fmt: skip


def check(name: str, value: object) -> Any:
    """Raises InvalidInputError for what is not allowed; of currencies only known ones are."""
    found = None if value is None else checked(name, value)
    if name == "currency" and found and found not in list_currencies():
        raise not_allowed(name, value)
    return found


async def change_settings(
    sessions: Sessions, current: Current, fixed: Settings, wanted: Mapping[str, object], actor: str
) -> list[Change]:
    """Store them, and use them at once; None puts a setting back to its default."""
    for name, value in wanted.items():
        check(name, value)
    async with sessions() as session, session.begin():
        changes = await lasting_store.change(session, fixed, wanted, actor)
    current.forget()
    return changes
