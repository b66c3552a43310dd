"""The page of the lasting settings: a form that works without scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import available_timezones

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.response import Redirect
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.dependencies import ActorDep, SessionDep, SessionsDep
from gateway.kit.frame import SCORES, Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.snapshots import pending_change
from gateway.settings.changing import change_settings, check, list_settings
from gateway.settings.schemas import SettingRow
from rfm_common.errors import InvalidInputError
from rfm_common.lasting import written
from rfm_common.lasting_store import effective
from rfm_common.settings import Settings

PATH = "/dashboard/settings"
LABELS = {
    "window_days": "Days to look back",
    "default_k": "Number of clusters",
    "timezone": "Time zone",
    "currency": "Currency",
    "counted_statuses": "Statuses that count",
}
DEFAULTS = {
    "currency": "the most common currency of the orders",
    "counted_statuses": "every status that means completed",
}
"""What an empty field means where the default has no value."""
HINTS = {
    "window_days": "Orders count if they are at most this many days older than the date of the"
    " scores: 1 to 3,650.",
    "default_k": "1 to 50, or auto to let the data decide.",
    "timezone": "Days begin and end on this clock. In files that are imported from now on, dates"
    " without a time zone are read in it; orders that are already imported stay as they are.",
    "currency": "Three letters. All sums are in this currency; your exchange rates convert the"
    " others.",
    "counted_statuses": "Words of your files, separated by commas, such as completed, shipped. A"
    " blank status always counts.",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting as the form shows it; `text` is what its field holds."""

    row: SettingRow
    label: str
    hint: str
    text: str
    default: str
    error: str | None

    @property
    def who(self) -> str:
        """Who set it; empty where everybody is the one at this machine."""
        kind, _, name = (self.row.changed_by or "").partition(":")
        return f" with the {kind} {name}" if name else ""

    @property
    def described_by(self) -> str:
        """The ids of what explains the field."""
        return f"{self.row.name}-hint" + (f" {self.row.name}-error" if self.error else "")


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The form, and what the next run will do."""

    template: ClassVar[str] = "settings.html"
    frame: Frame
    numbers: Numbers
    entries: list[Entry]
    pending: str | None
    is_saved: bool
    zones: list[str]
    now: datetime


@get("/settings")
async def settings_page(
    request: Request[Any, Any, Any], state: State, frame: FrameDep, session: SessionDep
) -> Response[str]:
    """What each setting is and where it is set."""
    is_saved = "saved" in request.query_params
    return answer(await _page(session, frame, state.settings, is_saved=is_saved))


@post("/settings")
async def save_settings(
    request: Request[Any, Any, State], frame: FrameDep, session: SessionDep, sessions: SessionsDep,
    actor: ActorDep,
) -> Redirect | Response[str]:  # fmt: skip
    """Store what the form holds, an empty field as the default; all of it or nothing."""
    state = request.app.state
    form = await request.form()
    given = {name: str(form[name]).strip() for name in LABELS if name in form}
    if errors := _errors(given):
        page = await _page(session, frame, state.settings, given=given, errors=errors)
        return answer(page, 400)
    wanted = {name: text or None for name, text in given.items()}
    await change_settings(sessions, state.current, state.settings, wanted, actor)
    return Redirect(f"{PATH}?saved=1", status_code=303)


def _errors(given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with which field."""
    found = {}
    for name, text in given.items():
        try:
            check(name, text or None)
        except InvalidInputError as error:
            found[name] = f"This {error.detail.removeprefix(f'{name}: ')}"
    return found


async def _page(
    session: AsyncSession, frame: Frame, fixed: Settings, *, given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None, is_saved: bool = False,
) -> SettingsPage:  # fmt: skip
    rows = await list_settings(session, fixed)
    return SettingsPage(
        frame=frame.of("Settings", "settings", () if errors else SCORES),
        numbers=frame.numbers,
        entries=[_entry(row, given or {}, errors or {}) for row in rows],
        pending=await pending_change(session, await effective(session, fixed)),
        is_saved=is_saved,
        zones=sorted(available_timezones()),
        now=datetime.now(UTC),
    )


def _entry(row: SettingRow, given: Mapping[str, str], errors: Mapping[str, str]) -> Entry:
    shown = "" if row.source == "default" else written(row.value)
    return Entry(
        row=row, label=LABELS[row.name], hint=HINTS[row.name], text=given.get(row.name, shown),
        default=written(row.default) or DEFAULTS[row.name], error=errors.get(row.name),
    )  # fmt: skip
