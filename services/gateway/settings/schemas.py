"""The lasting settings as the API tells them and takes them."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from gateway.kit.schemas import Answer, Body
from rfm_common.lasting import ALLOWED, Value

Source = Literal["environment", "stored", "default"]


class SettingRow(Answer):
    """One setting in effect, and where its value is from."""

    name: str
    value: Value
    default: Value
    source: Annotated[
        Source, Meta(description="`environment` takes precedence: it cannot be changed here")
    ]
    variable: Annotated[str, Meta(description="Its name in the environment")]
    allowed: str
    changed_at: datetime | None
    changed_by: Annotated[str | None, Meta(description="As the audit log has it")]


class SettingChange(Answer):
    """A setting that has another value now."""

    name: str
    before: Value
    after: Value


class SettingList(Answer):
    """All lasting settings."""

    settings: list[SettingRow]
    pending: Annotated[
        str | None,
        Meta(description="What the next run will change in the newest scores; null: nothing"),
    ]


class SettingsChanged(SettingList):
    """The same after a change; `POST /pipeline/run` recalculates the scores at once."""

    changes: list[SettingChange]


class SettingsBody(Body, frozen=True, kw_only=True):
    """The settings to change (null: the default); settings that are not named stay."""

    window_days: Annotated[Value | UnsetType, Meta(description=ALLOWED["window_days"])] = UNSET
    default_k: Annotated[Value | UnsetType, Meta(description=ALLOWED["default_k"])] = UNSET
    timezone: Annotated[Value | UnsetType, Meta(description=ALLOWED["timezone"])] = UNSET
    currency: Annotated[Value | UnsetType, Meta(description=ALLOWED["currency"])] = UNSET
    counted_statuses: Annotated[
        Value | UnsetType, Meta(description=f"{ALLOWED['counted_statuses']}, or a list of them")
    ] = UNSET
