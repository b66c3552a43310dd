"""Bugs that the checker must find, planted into the running services from outside."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

WINDOW = 2.0
"""Seconds that a planted gap stays open."""

put: Callable[[Any, str, Any], None] = setattr
"""How something of the product is replaced."""


def plant(name: str, service: str) -> None:
    """Change the modules of this process, if the bug is in this service."""
    where, change = BUGS[name]
    if where == service:
        change()


async def _commit_and_go_on(session: Any) -> None:
    """What two transactions in place of one look like to everybody else."""
    from rfm_common.db import raw_connection

    await session.flush()
    raw = await raw_connection(session)
    await raw.execute("COMMIT")
    await asyncio.sleep(WINDOW)
    await raw.execute("BEGIN")


def two_transactions() -> None:
    """Rows are committed before the ledger says that they are there."""
    from ingest.loading import loader

    original = loader._finish_loaded

    async def finish(work: Any, effects: Any) -> None:
        await _commit_and_go_on(work.session)
        await original(work, effects)

    put(loader, "_finish_loaded", finish)


def ledger_by_name() -> None:
    """A file counts as known when its name is."""
    from sqlmodel import select

    from ingest.importer import Importer, ledger
    from rfm_common.models import Import, ImportState

    async def is_duplicate(self: Any, session: Any, row: Any, layout: Any) -> bool:
        known = select(Import.import_id).where(
            Import.file_name == row.file_name, Import.state == ImportState.LOADED
        )
        earlier = (await session.exec(known)).first()
        if earlier:
            ledger.finish(session, row, ImportState.DUPLICATE, kind=layout.mapping.kind,
                          duplicate_of=earlier)  # fmt: skip
        return bool(earlier)

    put(Importer, "_is_duplicate", is_duplicate)


def told_before_commit() -> None:
    """The event is on the stream before the transaction that it tells of has ended."""
    from redis import Redis

    from ingest.loading import ledger, loader
    from rfm_common.bus import STREAM
    from rfm_common.events import Event, encode
    from rfm_common.settings import Settings

    redis = Redis.from_url(Settings().redis_url.get_secret_value())
    original = loader._finish_loaded

    def tell(session: Any, event: Event) -> None:
        redis.xadd(STREAM, encode(event))  # type: ignore[arg-type]

    async def finish(work: Any, effects: Any) -> None:
        await original(work, effects)
        await asyncio.sleep(WINDOW)

    put(ledger, "add_to_outbox", tell)
    put(loader, "_finish_loaded", finish)


def snapshot_without_swap() -> None:
    """The run is shown before its tables are."""
    from rfm_common.db import run_sql
    from scoring.snapshot import writing

    original = writing.attach

    async def attach(session: Any, target: Any, parents: Any) -> None:
        await run_sql(
            session,
            "UPDATE scoring_runs SET is_current = true, calc_date = :calc_date,"
            " customers_processed = (SELECT count(*) FROM customers) WHERE run_id = :run_id",
            calc_date=target.calc_date, run_id=target.run_id,
        )  # fmt: skip
        await _commit_and_go_on(session)
        await original(session, target, parents)

    put(writing, "attach", attach)


def trigger_lost() -> None:
    """New data that comes while a run is on its way does not cause another one."""
    from rfm_common.db import run_sql
    from scoring.runs import queue

    original = queue.queue_if_behind
    lost: set[int] = set()

    async def queue_if_behind(session: Any, settings: Any) -> bool:
        found = await run_sql(
            session,
            "SELECT data_version, EXISTS (SELECT 1 FROM scoring_runs WHERE state = 'running'"
            " OR finished_at > now() - interval '10 seconds') FROM data_state",
        )
        version, is_busy = found.one()
        if is_busy:
            lost.add(version)
        return version not in lost and await original(session, settings)

    put(queue, "queue_if_behind", queue_if_behind)


def upload_over_name() -> None:
    """A name counts as free when nobody had it a moment ago."""
    from gateway.imports import batch

    async def publish(path: Path, folder: Path, name: str, claim: Any) -> Path:
        stem, _, suffix = name.rpartition(".")
        target, number = folder / name, 1
        while target.exists():
            number += 1
            target = folder / f"{stem}-{number}.{suffix}"
        await claim(target.name)
        await asyncio.sleep(WINDOW / 10)
        return path.rename(target)

    put(batch, "publish", publish)


def names_in_utf8() -> None:
    """A file whose name is not UTF-8 is passed over."""
    from rfm_common import watched_folder

    original = watched_folder._may_be_dropped

    def may_be_dropped(name: str) -> bool:
        return name.isprintable() and original(name)

    put(watched_folder, "_may_be_dropped", may_be_dropped)


def attempts_forgotten() -> None:
    """Nobody counts how often a file has taken its reader along."""
    from ingest.loading import ledger

    def take(row: Any, owner: str) -> None:
        row.claimed_by = owner

    put(ledger, "_take", take)


def erased_in_tables_only() -> None:
    """An erasure ends without a look at the files that are kept."""
    from ingest.keeping.erasing import Eraser

    async def from_files(self: Any, erasure: Any) -> Counter[str]:
        return Counter()

    put(Eraser, "_from_files", from_files)


def restore_half_undone() -> None:
    """After an interrupted restore, tables come back and files do not."""
    from rfm_cli import recovery

    def move_back(source: Path, target: Path, stage: Path) -> None:
        pass

    put(recovery, "_move_back", move_back)


def later_zone_shown() -> None:
    """A snapshot that another zone took for a later moment goes on being shown."""
    from scoring.runs import publish

    async def retire_later(session: Any, outcome: Any) -> None:
        pass

    put(publish, "_retire_later", retire_later)


def clock_believed() -> None:
    """A worker counts as alive until the time that a clock ahead has noted."""
    from scoring.runs import queue

    for name in ("_CLAIM", "_CLAIMABLE"):
        put(queue, name, getattr(queue, name).replace("AND now() + :lease", "AND 'infinity'"))


BUGS: dict[str, tuple[str, Callable[[], None]]] = {
    "two_transactions": ("ingest", two_transactions),
    "ledger_by_name": ("ingest", ledger_by_name),
    "told_before_commit": ("ingest", told_before_commit),
    "snapshot_without_swap": ("scoring", snapshot_without_swap),
    "trigger_lost": ("scoring", trigger_lost),
    "upload_over_name": ("gateway", upload_over_name),
    "names_in_utf8": ("ingest", names_in_utf8),
    "attempts_forgotten": ("ingest", attempts_forgotten),
    "erased_in_tables_only": ("ingest", erased_in_tables_only),
    "restore_half_undone": ("rfm_cli", restore_half_undone),
    "later_zone_shown": ("scoring", later_zone_shown),
    "clock_believed": ("scoring", clock_believed),
}
