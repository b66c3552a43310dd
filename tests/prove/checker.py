"""After quiet: does what is there agree with what was dropped? Each finding is one sentence."""

import hashlib
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from rfm_common.db import Sessions, run_sql
from rfm_common.filenames import SET_ASIDE
from rfm_common.installation import ID_FILE
from rfm_common.pseudonyms import KEY_FILE
from rfm_common.snapshots import BY_DATE
from tests.prove.deliver import Deliveries
from tests.prove.files import DOMAIN, Dropped, Row, Tables
from tests.prove.finding import Finding
from tests.prove.readers import FINAL, Seen
from tests.unit.scoring import oracle

OWN = {KEY_FILE, ID_FILE}
"""Files of the product's own in the data folder."""

LOADED = {"loaded", "loaded_with_rejects"}
NEWEST = f"SELECT * FROM scoring_runs WHERE is_current ORDER BY {BY_DATE} LIMIT 1"
"""A clock that ran ahead leaves a snapshot of a day to come, which pages do not show."""


@dataclass(frozen=True)
class Found:
    """All that the database holds, read in one transaction."""

    imports: Sequence[Any]
    customers: dict[str, tuple[Any, ...]]
    orders: dict[str, tuple[Any, ...]]
    rates: dict[tuple[str, date], Decimal]
    rejects: Counter[int]
    versions: tuple[int, int]
    open_runs: int
    ended_runs: list[int]
    unpublished: int
    open_erasures: int
    rejected_texts: str
    """Every rejected row, as it was kept."""
    run: Any
    """Of the newest snapshot."""
    scores: dict[str, tuple[Any, ...]]
    clusters: Counter[str]
    """How often each customer is in the newest snapshot's clusters."""
    steps: Sequence[str] = ()
    """How far the open runs are, in words."""


async def read(sessions: Sessions) -> Found:
    async with sessions() as session, session.begin():
        await run_sql(session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

        async def rows(statement: str, **values: object) -> Sequence[Any]:
            return (await run_sql(session, statement, **values)).all()

        runs = await rows(NEWEST)
        run = runs[0] if runs else None
        moment = run.calc_date if run else None
        customers = await rows("SELECT customer_id, email, country, created_at FROM customers")
        orders = await rows("SELECT order_id, customer_id, order_date, order_amount, currency,"
                            " status FROM orders")  # fmt: skip
        rates = await rows("SELECT currency, valid_from, rate FROM exchange_rates")
        scores = await rows("SELECT customer_id, recency_days, frequency, monetary, r_score,"
                            " f_score, m_score FROM rfm_features WHERE calc_date = :moment",
                            moment=moment)  # fmt: skip
        clusters = await rows(
            "SELECT customer_id FROM customer_clusters WHERE calc_date = :moment", moment=moment
        )
        rejects = await rows("SELECT import_id, count(*) FROM import_rejects"
                             " WHERE outcome = 'rejected' GROUP BY 1")  # fmt: skip
        [versions] = await rows("SELECT data_version, scored_version FROM data_state")
        steps = await rows("SELECT concat_ws(' ', run_id, state, attempt, progress ->> 'step')"
                           " FROM scoring_runs WHERE state IN ('queued', 'running')"
                           " ORDER BY run_id")  # fmt: skip
        ended = await rows("SELECT run_id FROM scoring_runs WHERE finished_at IS NOT NULL")
        [unpublished] = await rows(_UNPUBLISHED)
        [erasures] = await rows("SELECT count(*) FROM erasures WHERE state = 'requested'")
        texts = await rows("SELECT concat_ws(',', value, raw) FROM import_rejects")
        return Found(
            imports=await rows("SELECT * FROM imports ORDER BY import_id"),
            customers={row[0]: tuple(row[1:]) for row in customers},
            orders={row[0]: tuple(row) for row in orders},
            rates={(row[0], row[1]): row[2] for row in rates},
            rejects=Counter({row[0]: row[1] for row in rejects}),
            versions=tuple(versions), open_runs=len(steps),
            ended_runs=[row[0] for row in ended], unpublished=unpublished[0],
            open_erasures=erasures[0], rejected_texts="\n".join(row[0] for row in texts),
            run=run, scores={row[0]: tuple(row[1:]) for row in scores},
            clusters=Counter(row[0] for row in clusters), steps=[row[0] for row in steps],
        )  # fmt: skip


def check(found: Found, deliveries: Deliveries, seen: Seen, data_dir: Path) -> list[Finding]:
    """Every promise that does not hold."""
    gone = erased(found, deliveries)
    checks = {
        "ledger": check_ledger(found, deliveries, data_dir), "counts": check_counts(found),
        "new rows": check_new(found, gone), "tables": check_tables(found, deliveries, gone),
        "catching up": check_catching_up(found, gone), "snapshot": check_snapshot(found),
        "folders": check_folders(found, data_dir), "stream": check_stream(found, seen),
        "erasures": check_erasures(found, deliveries, data_dir),
    }  # fmt: skip
    found_here = [Finding(name, one) for name, sentences in checks.items() for one in sentences]
    return [*found_here, *seen.wrong]


_UNPUBLISHED = """SELECT count(*) FROM outbox
    WHERE published_at IS NULL AND created_at < clock_timestamp() - interval '2 seconds'"""
"""Scoring judges the past after all else is done: what it tells just now is on its way."""


def by_content(deliveries: Deliveries) -> dict[str, Dropped]:
    return {one.sha256: one for one in (*deliveries.perhaps, *deliveries.surely)}


def erased(found: Found, deliveries: Deliveries) -> set[str]:
    """Who was erased; of a request without an answer the tables tell."""
    unsure = deliveries.perhaps_erased - deliveries.erased
    return deliveries.erased | (unsure - set(found.customers))


def bytes_of(row: Any, data_dir: Path) -> str | None:
    """The digest of an import's file, also of one that was refused at first sight."""
    path = data_dir / str(row.stored_path)
    if row.sha256 is None and row.stored_path and path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return row.sha256  # type: ignore[no-any-return]


def check_ledger(found: Found, deliveries: Deliveries, data_dir: Path) -> Iterator[str]:
    """Each file has as many rows as it was delivered, the right verdict, and one load at most."""
    known = by_content(deliveries)
    sure = Counter(one.sha256 for one in deliveries.surely)
    perhaps = Counter(one.sha256 for one in deliveries.perhaps)
    rows: dict[str, list[Any]] = {}
    for row in found.imports:
        if row.reason == "vanished":
            continue
        sha256 = bytes_of(row, data_dir)
        if row.state not in FINAL:
            yield f"import {row.import_id} ({row.file_name}) is not decided: {row.state}"
        elif sha256 not in known:
            yield f"import {row.import_id} ({row.file_name}) has bytes that nobody dropped"
        else:
            rows.setdefault(sha256, []).append(row)
    for sha256, dropped in known.items():
        mine = rows.get(sha256, [])
        if not sure[sha256] <= len(mine) <= sure[sha256] + perhaps[sha256]:
            yield (f"{dropped.name}: delivered {sure[sha256]} (+{perhaps[sha256]}) times,"
                   f" in the ledger {len(mine)} times")  # fmt: skip
        yield from _check_verdicts(dropped, mine, deliveries.perhaps_erased)


def _check_verdicts(dropped: Dropped, rows: Sequence[Any], gone: set[str]) -> Iterator[str]:
    states = Counter(row.state for row in rows)
    loads = sum(states[state] for state in LOADED)
    if dropped.kind is None:
        if set(states) - {"quarantined"}:
            yield f"{dropped.name}: damaged, and yet {dict(states)}"
    elif rows and loads != 1:
        yield f"{dropped.name}: loaded {loads} times ({dict(states)})"
    elif set(states) - LOADED - {"duplicate"}:
        yield f"{dropped.name}: whole, and yet {dict(states)}"
    theirs = sum(_customer(dropped, row) in gone for row in dropped.rows)
    for row in rows:
        more = row.rows_rejected - dropped.rejected
        if row.state in LOADED and not 0 <= more <= theirs:
            yield f"{dropped.name}: {row.rows_rejected} rows rejected, not {dropped.rejected}"


def _customer(dropped: Dropped, row: Row) -> object:
    return {"customers": row[0], "orders": row[1]}.get(str(dropped.kind))


def check_new(found: Found, gone: set[str]) -> Iterator[str]:
    """No row is taken for new twice: what loads called new is what there is, or was erased."""
    new = Counter({"orders": 0, "exchange_rates": 0})
    for row in found.imports:
        if row.state in LOADED:
            new[row.kind] += row.rows_new
    for kind, table in (("orders", found.orders), ("exchange_rates", found.rates)):
        if new[kind] != len(table) and not (gone and kind == "orders" and new[kind] > len(table)):
            yield f"{len(table)} {kind} in the table, {new[kind]} came as new"


def check_counts(found: Found) -> Iterator[str]:
    """Rows of a file = new + updated + unchanged + superseded + rejected, and these are listed."""
    for row in found.imports:
        parts = (row.rows_new + row.rows_updated + row.rows_unchanged + row.rows_superseded
                 + row.rows_rejected)  # fmt: skip
        if row.state in LOADED and row.rows_total != parts:
            yield f"import {row.import_id}: {row.rows_total} rows, accounted for {parts}"
        if row.state in LOADED and found.rejects[row.import_id] != row.rows_rejected:
            yield (f"import {row.import_id}: {row.rows_rejected} rows rejected,"
                   f" {found.rejects[row.import_id]} listed")  # fmt: skip


def is_change(row: Any) -> bool:
    """Whether the import loaded anything that was not there; then it has a data_version."""
    return row.state in LOADED and row.rows_new + row.rows_updated > 0


def check_tables(found: Found, deliveries: Deliveries, gone: set[str]) -> Iterator[str]:
    """The tables are what the loaded files say, taken one after the other, without the erased."""
    known, paper = by_content(deliveries), Tables()
    changing = [row for row in found.imports if is_change(row) and row.sha256 in known]
    for row in sorted(changing, key=lambda row: row.data_version):
        paper.accept(known[row.sha256])
    if len({row.data_version for row in changing}) != len(changing):
        yield "two imports share a data_version"
    paper.forget(gone)
    yield from _differences("customer", found.customers, paper.customers)
    yield from _differences("order", found.orders, paper.orders)
    yield from _differences("rate", found.rates, paper.rates)


def _differences(what: str, found: dict[Any, Any], expected: dict[Any, Any]) -> Iterator[str]:
    wrong = [key for key in {*found, *expected} if found.get(key) != expected.get(key)]
    if wrong:
        key = sorted(wrong)[0]
        yield (f"{len(wrong)} {what}s are wrong, such as {key}: {found.get(key)} in the table,"
               f" {expected.get(key)} in the files")  # fmt: skip


def check_catching_up(found: Found, gone: set[str]) -> Iterator[str]:
    """Scores have caught up, and nothing waits."""
    data, scored = found.versions
    changes = sum(is_change(row) for row in found.imports)
    if data != scored:
        yield f"data_version is {data}, scored_version {scored}"
    if not changes <= data <= changes + len(gone):
        yield f"data_version is {data} after {changes} loads that changed something"
    if found.open_runs:
        yield f"{found.open_runs} runs are open"
    if found.unpublished:
        yield f"{found.unpublished} events were never told"


def check_snapshot(found: Found) -> Iterator[str]:
    """The newest snapshot: each customer once, with the scores of an independent computation."""
    if found.run is None:
        if found.customers:
            yield "there are customers and no snapshot"
        return
    if found.run.data_version != found.versions[0]:
        yield (f"the newest snapshot ({found.run.calc_date}) shows data_version"
               f" {found.run.data_version}, not {found.versions[0]}")  # fmt: skip
        return
    if "measured" not in found.run.summary:
        yield f"the newest snapshot ({found.run.calc_date}) does not say how it was measured"
        return
    if set(found.clusters) != set(found.customers) or set(found.clusters.values()) - {1}:
        yield f"{len(found.clusters)} of {len(found.customers)} customers have a cluster"
    orders = [oracle.OracleOrder(*row[1:]) for row in found.orders.values()]
    rates = [(currency, day, rate) for (currency, day), rate in found.rates.items()]
    expected = oracle.snapshot(
        found.customers, orders, found.run.calc_date, found.run.window_days, rates=rates,
        zone=found.run.summary["measured"]["timezone"],
    )  # fmt: skip
    scores = {
        key: (one.recency_days, one.frequency, one.monetary, one.r_score, one.f_score, one.m_score)
        for key, one in expected.customers.items()
    }
    yield from _differences("score", found.scores, scores)


def check_folders(found: Found, data_dir: Path) -> Iterator[str]:
    """Every decided file is where the ledger says, and nothing else is anywhere."""
    stored = {row.stored_path for row in found.imports if row.stored_path}
    here = {
        path.relative_to(data_dir).as_posix() for path in data_dir.rglob("*")
        if path.is_file() and not path.name.endswith(".rejects.csv") and path.name not in OWN
    }  # fmt: skip
    here = {name for name in here if not name.startswith(SET_ASIDE)}
    strays = {name for name in here - stored if not re.search(r"/\.upload-.*\.part$", name)}
    if strays:
        yield f"{len(strays)} files nobody knows, such as {min(strays)}"
    if stored - here:
        yield f"{len(stored - here)} files are gone, such as {min(stored - here)}"
    for row in found.imports:
        folder = "quarantine" if row.state == "quarantined" else "archive"
        if row.stored_path and not row.stored_path.startswith(f"{folder}/"):
            yield f"import {row.import_id} is {row.state} and lies in {row.stored_path}"


def check_erasures(found: Found, deliveries: Deliveries, data_dir: Path) -> Iterator[str]:
    """Nothing tells of who was surely erased, and the requests have ended."""
    if found.open_erasures:
        yield f"{found.open_erasures} erasures have not ended"
    texts = {
        str(path.relative_to(data_dir)): path.read_bytes()
        for path in data_dir.rglob("*") if path.is_file()
    }  # fmt: skip
    texts["the rejected rows"] = found.rejected_texts.encode()
    texts["the table of customers"] = " ".join(found.customers).encode()
    texts["the table of orders"] = " ".join(row[1] for row in found.orders.values()).encode()
    for where, text in texts.items():
        if left := [person for person in deliveries.erased if person.encode() in text]:
            yield f"{min(left)} was erased, and {where} tells of them"


def check_stream(found: Found, seen: Seen) -> Iterator[str]:
    """The end of each import and run was on the stream, or there when it said to load anew."""
    ended = {("import", row.import_id) for row in found.imports if row.state in FINAL}
    ended |= {("run", run_id) for run_id in found.ended_runs}
    if missed := ended - seen.told:
        what, number = min(missed)
        yield f"the open stream lost {len(missed)} ends, such as that of {what} {number}"


async def check_privacy(redis: Redis, logs: Sequence[Path]) -> list[Finding]:
    """No e-mail address in a log or in Redis; the client must not decode."""
    wrong = [
        f"an e-mail address is in {path.name}: {line[:200]!r}"
        for path in logs
        for line in path.read_text(errors="replace").splitlines()
        if DOMAIN in line
    ][:5]
    for key in await redis.keys("*"):
        if DOMAIN.encode() in await _content(redis, key):
            wrong.append(f"an e-mail address is in Redis, key {key!r}")
    return [Finding("privacy", sentence) for sentence in wrong]


async def _content(redis: Redis, key: bytes) -> bytes:
    """Everything under a key; DUMP would compress it."""
    reads: dict[bytes, Callable[[], Awaitable[Any]]] = {
        b"stream": lambda: redis.xrange(key),
        b"zset": lambda: redis.zrange(key, 0, -1),
        b"hash": lambda: redis.hgetall(key),
        b"list": lambda: redis.lrange(key, 0, -1),  # type: ignore[dict-item]
        b"set": lambda: redis.smembers(key),  # type: ignore[dict-item]
        b"string": lambda: redis.get(key),
    }
    kind = await redis.type(key)
    return str(await reads[kind]()).encode() if kind in reads else b""  # it has expired
