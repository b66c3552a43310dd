"""Which snapshot a request means, and that it stays while the request reads it."""

import re
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.quick import Quick
from gateway.kit.recipe import RULE, TRANSFORM
from gateway.kit.schemas import Snapshot
from rfm_common.basis import basis_of_run, pending
from rfm_common.basis import definition_change as in_words
from rfm_common.db import run_sql
from rfm_common.errors import InvalidInputError, NotFoundError, UnavailableError
from rfm_common.models import ScoringRun
from rfm_common.runs import RunRequest, foreseen
from rfm_common.settings import Settings
from rfm_common.snapshots import BY_DATE

ATTEMPTS = 5
LATEST = (None, "", "latest")
LISTED = 20
"""Dates that an error names."""
RANKS_BY_VALUE = """coalesce((
    SELECT judgement -> 'trust' ->> 'best' = 'value' FROM value_judgements WHERE days = 90), false)
"""
"""SQL: whether the shop's past has shown that what is expected ranks customers best."""
COLUMNS = f"""
SELECT run_id, calc_date, window_days, k, {RULE} AS rule, {TRANSFORM} AS transform,
       base_currency, previous_run_id,
       coalesce(customers_processed, 0) AS customers, coalesce(clusters_created, 0) AS clusters,
       (SELECT data_version FROM data_state) AS data_version,
       forecast -> 'model' IS NOT NULL AS has_outlook,
       {RANKS_BY_VALUE} AS ranks_by_value
FROM scoring_runs WHERE is_current"""


async def list_snapshots(session: AsyncSession, limit: int = 1000) -> list[Snapshot]:
    """Every date that has scores, newest first."""
    return await rows.many(
        session, Snapshot, f"{COLUMNS} ORDER BY calc_date DESC LIMIT :limit", limit=limit
    )


async def latest_snapshot(session: AsyncSession) -> Snapshot | None:
    """The newest snapshot, None before the first run."""
    return await rows.one(session, Snapshot, f"{COLUMNS} ORDER BY {BY_DATE} LIMIT 1")


async def find_snapshot(
    session: AsyncSession,
    settings: Settings,
    requested: str | None = None,
    parameter: str = "calc_date",
) -> Snapshot:
    """The snapshot of a date (the latest of that day), of a date-time (exactly), or the newest.

    Its partitions are locked against removal until the session's transaction ends. Raises
    NotFoundError that lists the dates that exist, InvalidInputError for what is no date.
    """
    for _ in range(ATTEMPTS):
        found = await _look_up(session, settings, requested, parameter)
        if await hold(session, found):
            return found
        await session.rollback()  # it was replaced in between: look again, at a newer moment
    raise UnavailableError("the snapshot is being replaced; try again")


async def peek_snapshot(
    quick: Quick, settings: Settings, requested: str | None = None, parameter: str = "calc_date"
) -> Snapshot:
    """The same for reads of the run's own figures, which stay when its partitions go."""
    first, last = _bounds(settings, requested, parameter)
    found = await quick.one(
        Snapshot,
        f"{COLUMNS} AND ($1::timestamptz IS NULL OR calc_date BETWEEN $1 AND $2)"
        f" ORDER BY {BY_DATE} LIMIT 1",
        first,
        last,
    )
    if found:
        return found
    existing = await quick.many(Snapshot, f"{COLUMNS} ORDER BY calc_date DESC LIMIT {LISTED}")
    raise _missing(existing, settings, requested, parameter)


def _bounds(
    settings: Settings, requested: str | None, parameter: str
) -> tuple[datetime | None, datetime | None]:
    if requested in LATEST:
        return None, None
    return asked_range(str(requested), settings, parameter)


async def _look_up(
    session: AsyncSession, settings: Settings, requested: str | None, parameter: str
) -> Snapshot:
    if requested in LATEST:
        found = await latest_snapshot(session)
    else:
        first, last = asked_range(str(requested), settings, parameter)
        found = await rows.one(
            session,
            Snapshot,
            f"{COLUMNS} AND calc_date BETWEEN :first AND :last ORDER BY calc_date DESC LIMIT 1",
            first=first,
            last=last,
        )
    if found:
        return found
    raise _missing(await list_snapshots(session, LISTED), settings, requested, parameter)


def asked_range(
    requested: str, settings: Settings, parameter: str = "calc_date"
) -> tuple[datetime, datetime]:
    """The moments that a date or a date-time stands for, in the shop's zone."""
    # A plus sign that was not encoded arrives as a space.
    asked = re.sub(r"(?<=T)(\S+) (?=\d\d:?\d\d$)", r"\1+", requested.strip())
    try:
        if len(asked) <= len("2024-01-15"):
            return _whole_day(date.fromisoformat(asked), settings.zone)
        moment = settings.localise(datetime.fromisoformat(asked))
        return moment, moment
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"{parameter}: {requested!r} is no ISO date, no ISO date-time and not `latest`",
            field=parameter,
        ) from error


def _whole_day(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Its first and last moment on the shop's clock."""
    return datetime.combine(day, time.min, zone), datetime.combine(day, time.max, zone)


def _missing(
    existing: list[Snapshot], settings: Settings, requested: str | None, parameter: str
) -> NotFoundError:
    dates = [found.calc_date.astimezone(settings.zone).isoformat() for found in existing]
    known = f"there are scores of {', '.join(dates)}" if dates else "nothing has been scored yet"
    wanted = f"no scores of {requested!r}" if requested else "no scores"
    return NotFoundError(f"{wanted}; {known}", field=parameter, available=dates)


async def hold(session: AsyncSession, snapshot: Snapshot) -> bool:
    """Keep its partitions from being dropped while this transaction reads them."""
    try:
        await run_sql(session, f"LOCK TABLE {', '.join(snapshot.tables)} IN ACCESS SHARE MODE")
    except ProgrammingError as error:
        if _is_undefined_table(error):
            return False
        raise
    return True


def _is_undefined_table(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "42P01"


async def snapshot_before(session: AsyncSession, settings: Settings, after: Snapshot) -> Snapshot:
    """The snapshot of the date before; NotFoundError when there is none."""
    calc_date = await rows.scalar(
        session,
        "SELECT max(calc_date) FROM scoring_runs WHERE is_current AND calc_date < :calc_date",
        calc_date=after.calc_date,
    )
    if calc_date is None:
        raise NotFoundError(f"no scores before {after.calc_date.isoformat()}", field="from")
    return await find_snapshot(session, settings, calc_date.isoformat())


async def snapshot_since(
    session: AsyncSession, settings: Settings, since: str, after: Snapshot
) -> Snapshot:
    """The newest snapshot at or before a day's end or a moment, `after` itself at the latest.

    NotFoundError when there was none yet.
    """
    _, last = asked_range(since, settings, "since")
    calc_date = await rows.scalar(
        session,
        "SELECT max(calc_date) FROM scoring_runs WHERE is_current AND calc_date <= :last",
        last=min(last, after.calc_date),
    )
    if calc_date is None:
        raise NotFoundError(f"no scores at or before {last.isoformat()}", field="since")
    return await find_snapshot(session, settings, calc_date.isoformat())


async def held_snapshot(session: AsyncSession, condition: str, value: object) -> Snapshot | None:
    """The newest snapshot whose run fits, kept from being replaced until the transaction ends."""
    found = await rows.one(
        session,
        Snapshot,
        f"{COLUMNS} AND {condition} ORDER BY {BY_DATE} LIMIT 1 FOR SHARE OF scoring_runs",
        value=value,
    )
    if found and not await hold(session, found):
        raise UnavailableError("the snapshot is being replaced; try again")
    return found


async def find_snapshot_run(
    session: AsyncSession, zone: ZoneInfo, day: date | None = None
) -> ScoringRun | None:
    """The run of the newest snapshot, or of the latest of a day in the shop's zone."""
    query = select(ScoringRun).where(ScoringRun.is_current)
    if day:
        query = query.where(col(ScoringRun.calc_date).between(*_whole_day(day, zone)))
    found = await session.exec(query.order_by(text(BY_DATE)).limit(1))
    return found.first()


async def find_run(session: AsyncSession, run_id: int | None) -> ScoringRun | None:
    """A run by its id."""
    return await session.get(ScoringRun, run_id) if run_id else None


async def definition_change(
    session: AsyncSession, before_run_id: int | None, after_run_id: int
) -> str | None:
    """A sentence for whoever compares two runs' snapshots; None when they are measured alike."""
    before, after = [await find_run(session, one) for one in (before_run_id, after_run_id)]
    if before is None or after is None:
        return None
    return in_words(basis_of_run(before), basis_of_run(after))


async def pending_change(session: AsyncSession, settings: Settings) -> str | None:
    """What the next run will do to the newest scores, if the settings are others by now."""
    run = await find_snapshot_run(session, settings.zone)
    if run is None:
        return None
    asked = RunRequest().parameters(settings)
    return pending(basis_of_run(run), foreseen(run, asked, settings))


async def list_snapshot_runs(session: AsyncSession, limit: int = 400) -> list[tuple[int, datetime]]:
    """Run and calc_date of every snapshot, newest first."""
    rows = await session.exec(
        select(ScoringRun.run_id, ScoringRun.calc_date)
        .where(ScoringRun.is_current)
        .order_by(col(ScoringRun.calc_date).desc())
        .limit(limit)
    )
    return [(run_id, moment) for run_id, moment in rows if run_id and moment]
