"""Bugs that the checker must find, planted into the running services from outside."""

import asyncio
from collections.abc import Callable
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


BUGS: dict[str, tuple[str, Callable[[], None]]] = {
    "two_transactions": ("ingest", two_transactions),
    "ledger_by_name": ("ingest", ledger_by_name),
    "told_before_commit": ("ingest", told_before_commit),
    "snapshot_without_swap": ("scoring", snapshot_without_swap),
    "trigger_lost": ("scoring", trigger_lost),
}
