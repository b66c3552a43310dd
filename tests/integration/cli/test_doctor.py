"""`rfm doctor` on real servers: versions, schema, clocks, and what the tables tell."""

from pathlib import Path

from rfm_cli.commands.doctor import examine
from rfm_common.db import run_sql

MIGRATIONS = Path(__file__).parents[3] / "migrations" / "versions"
NEWEST = max(path.name[:4] for path in MIGRATIONS.glob("[0-9]*.py"))


async def found(settings) -> dict[str, tuple[str, str]]:
    return {check.name: (check.state, check.found) for check in await examine(settings)}


async def test_all_that_can_be_seen_of_a_quiet_installation(settings) -> None:
    checks = await found(settings)
    assert [name for name, (state, _) in checks.items() if state == "fail"] == []
    assert checks["database"][1].startswith("PostgreSQL 18")
    assert checks["schema"] == ("ok", f"{NEWEST}, the newest")
    assert (checks["redis"][0], checks["redis persistence"][0]) == ("ok", "ok")
    assert checks["processes"] == ("warn", "no sign of life of gateway, ingest, scoring")
    assert checks["scores"] == ("ok", "scores show version 0 of 0")


async def test_what_went_wrong_is_named(settings, sessions) -> None:
    async with sessions() as session, session.begin():
        for statement in (
            "UPDATE data_state SET data_version = 3, changed_at = now() - interval '1 hour'",
            "INSERT INTO scoring_runs (state, trigger, window_days, engine, error, finished_at)"
            " VALUES ('failed', 'api', 365, 'local', 'no space left', now())",
            "INSERT INTO imports (file_name, state, size_bytes, finished_at)"
            " VALUES ('x.csv', 'quarantined', 1, now())",
            "INSERT INTO imports (file_name, state, size_bytes) VALUES ('y', 'needs_decision', 1)",
            "INSERT INTO erasures (state, subject_hash, actor, requested_at)"
            " VALUES ('requested', '', 'cli', now() - interval '1 hour')",
            "INSERT INTO service_beats (instance, service, version, started_at)"
            " VALUES ('a', 'ingest', '1', now()), ('b', 'scoring', '1', now()),"
            " ('c', 'gateway', '1', now())",
        ):
            await run_sql(session, statement)
    checks = await found(settings)
    assert checks["scores"] == ("fail", "scores show version 0 of 3")
    assert checks["runs"] == ("warn", "1 failed in the last day; the last: no space left")
    assert checks["quarantine"][0] == "warn"
    assert checks["decision"] == ("warn", "1 file waiting for one")
    assert checks["erasures"][0] == "fail"
    assert checks["processes"][0] == "ok"


async def test_a_database_that_was_never_migrated(settings, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "DROP TABLE alembic_version")
    assert (await found(settings))["schema"] == ("fail", f"none, the newest is {NEWEST}")
