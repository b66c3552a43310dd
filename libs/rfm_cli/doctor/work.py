"""What the product is doing, told by its tables."""

import json
from collections.abc import AsyncIterator
from typing import Any

from rfm_cli.doctor.checks import Check, fail, ok, warn
from rfm_common.beats import SILENT
from rfm_common.lasting_store import STORED, with_stored
from rfm_common.settings import Settings
from rfm_common.watched_folder import waiting_names
from rfm_common.words import some

LATE = 600
"""Seconds that scores may be behind the data."""

_FACTS = """
SELECT data_version, scored_version,
       coalesce(extract(epoch FROM now() - changed_at), 0) AS behind,
       (SELECT count(*) FROM scoring_runs WHERE state = 'failed'
        AND finished_at > now() - interval '1 day') AS failed,
       (SELECT error FROM scoring_runs WHERE state = 'failed'
        ORDER BY run_id DESC LIMIT 1) AS error,
       (SELECT count(*) FROM imports WHERE state = 'needs_decision') AS held,
       (SELECT count(*) FROM imports WHERE state = 'quarantined'
        AND finished_at > now() - interval '7 days') AS quarantined,
       (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS unpublished,
       (SELECT count(*) FROM erasures WHERE state = 'requested'
        AND requested_at < now() - interval '10 minutes') AS erasures,
       ARRAY(SELECT DISTINCT service FROM service_beats
             WHERE beat_at > now() - make_interval(secs => $1)) AS alive
FROM data_state
"""


async def work(connection: Any, settings: Settings) -> AsyncIterator[Check]:
    """Each of them, in the order in which a file passes through."""
    facts = await connection.fetchrow(_FACTS, SILENT)
    yield _alive(facts)
    yield _waiting(settings)
    yield _held(facts)
    yield _quarantine(facts)
    yield _lag(facts)
    yield _runs(facts)
    yield await _zone(connection, settings)
    if facts["unpublished"]:
        yield warn("events", f"{facts['unpublished']} are not published", "start Redis and ingest")
    if facts["erasures"]:
        yield fail(
            "erasures", f"{facts['erasures']} have waited for ten minutes",
            "start ingest and Redis; the log of ingest says what they wait for",
        )  # fmt: skip


async def _zone(connection: Any, settings: Settings) -> Check:
    rows = await connection.fetch(STORED)
    stored = {row["name"]: json.loads(row["value"]) for row in rows}
    return ok("time zone", f"days end in {with_stored(settings, stored).timezone}")


def _alive(facts: Any) -> Check:
    missing = sorted({"ingest", "scoring", "gateway"} - set(facts["alive"]))
    if missing:
        return warn("processes", f"no sign of life of {', '.join(missing)}", "start them: rfm up")
    return ok("processes", "ingest, scoring and gateway are alive")


def _waiting(settings: Settings) -> Check:
    waiting = waiting_names(settings.input_dir)
    found = f"{len(waiting)} in {settings.input_dir}"
    if len(waiting) > 100:
        return warn("files waiting", found, "see that ingest runs, and what its log says")
    return ok("files waiting", found)


def _held(facts: Any) -> Check:
    if facts["held"]:
        found = f"{some(facts['held'], 'file')} waiting for one"
        return warn("decision", found, "the imports page asks: dashboard, Imports")
    return ok("decision", "no file needs one")


def _quarantine(facts: Any) -> Check:
    if facts["quarantined"]:
        found = f"{some(facts['quarantined'], 'file')} in the last seven days"
        return warn("quarantine", found, "the imports page says why; correct them and drop again")
    return ok("quarantine", "no file in the last seven days")


def _lag(facts: Any) -> Check:
    behind = facts["data_version"] - facts["scored_version"]
    found = f"scores show version {facts['scored_version']} of {facts['data_version']}"
    if behind > 0 and facts["behind"] > LATE:
        return fail("scores", found, "see that scoring runs, and what its log says")
    return ok("scores", found)


def _runs(facts: Any) -> Check:
    if facts["failed"]:
        found = f"{facts['failed']} failed in the last day; the last: {facts['error']}"
        return warn("runs", found, "the page of the run and the log of scoring say more")
    return ok("runs", "none failed in the last day")
