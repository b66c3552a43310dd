"""Removing a person: the request, which takes effect at once, and the rows of every table.

Files are the business of ingest, which carries a request out to its end.
"""
# ruff: noqa: S608 - table names come from PostgreSQL's catalog

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql
from rfm_common.errors import ConflictError, existing
from rfm_common.faults import is_locked_out
from rfm_common.identity import same_id
from rfm_common.joined import nobody, who_is
from rfm_common.lake import note_removal
from rfm_common.models import Erasure, ErasureState
from rfm_common.pseudonyms import Pseudonyms, load_pseudonyms
from rfm_common.settings import Settings
from rfm_common.versions import change_without_file

QUOTING = ("unknown_columns", "missing_column", "broken_header", "duplicate_column",
           "ambiguous_column", "no_dates", "internal_error")  # fmt: skip
"""Reasons of refused files whose message may quote cells of the file."""

PATIENCE = "3s"
"""How long somebody who asks waits for a file that is being loaded."""
NO_TABLE = "42P01"
ONLY_IN_FILES = (
    "if only files name this person, or if the id must never come, use `rfm erase --unknown` or"
    " the parameter unknown=true"
)


async def pseudonyms_of(session: AsyncSession, settings: Settings) -> Pseudonyms:
    """The installation's; raises UnavailableError when its key is lost."""
    known = await run_sql(session, "SELECT DISTINCT key_id FROM suppressions")
    return load_pseudonyms(settings, known.scalars().all())


async def request_erasure(
    session: AsyncSession, settings: Settings, customer_id: str, actor: str
) -> Erasure:
    """Note that a person is to be removed; from the commit on no file brings them back.

    A request for the same person that is still open is returned instead of a second one.
    """
    await lock(session, AdvisoryLock.ERASE)
    customer_id = await who_is(session, customer_id)
    pseudonyms = await pseudonyms_of(session, settings)
    subject = pseudonyms.of(customer_id)
    open_one = await session.exec(
        select(Erasure).where(
            Erasure.state == ErasureState.REQUESTED, Erasure.subject_hash == subject
        )
    )
    if found := open_one.first():
        return found
    erasure = Erasure(subject_hash=subject, customer_id=customer_id, actor=actor)
    session.add(erasure)
    await session.flush()
    await suppress_values(session, pseudonyms, erasure, [customer_id])
    await learn_emails(session, pseudonyms, erasure, await _known_emails(session, customer_id))
    audit.record(session, actor, "customer.erase", f"erasure {erasure.erasure_id}")
    return erasure


async def _known_emails(session: AsyncSession, customer_id: str) -> list[str]:
    """The addresses that the tables have for a customer."""
    found = await run_sql(session, """
        SELECT email FROM customers WHERE customer_id = :id AND email IS NOT NULL
        UNION SELECT customer_id FROM customers WHERE joined_to = :id
        UNION SELECT email FROM customer_emails WHERE customer_id = :id
        """, id=customer_id)  # fmt: skip
    return [*found.scalars(), *([customer_id] if "@" in customer_id else ())]


async def learn_emails(
    session: AsyncSession, pseudonyms: Pseudonyms, erasure: Erasure, emails: Iterable[str]
) -> None:
    """Take addresses up into the request, as they are written; one that another customer has as
    well is theirs."""
    known = {email.lower() for email in erasure.emails}
    fresh = {email.strip() for email in emails if email.strip().lower() not in known}
    shared = await run_sql(session, """
        SELECT e FROM unnest(CAST(:emails AS text[])) e WHERE EXISTS (
            SELECT FROM customers WHERE lower(email) = lower(e) AND customer_id <> :customer_id)
        """, emails=sorted(fresh), customer_id=erasure.customer_id) if fresh else None  # fmt: skip
    own = fresh - set(shared.scalars() if shared else ())
    if own:
        erasure.emails = sorted({*erasure.emails, *own})
        session.add(erasure)
        await suppress_values(session, pseudonyms, erasure, own)


async def suppress_values(
    session: AsyncSession, pseudonyms: Pseudonyms, erasure: Erasure, values: Iterable[str]
) -> None:
    """Keep ids or addresses from coming back."""
    for value in values:
        await run_sql(session, """
            INSERT INTO suppressions (subject_hash, key_id, erasure_id)
            VALUES (:subject, :key_id, :erasure_id) ON CONFLICT DO NOTHING
            """, subject=pseudonyms.of(value), key_id=pseudonyms.key_id,
            erasure_id=erasure.erasure_id)  # fmt: skip


async def erase_rows(session: AsyncSession, erasure: Erasure) -> None:
    """Remove the person from every table, and count it in the request; may be repeated.

    Waits for a file that is being loaded. Runs that have read the person start again.
    """
    if erasure.customer_id is None:
        return
    await lock(session, AdvisoryLock.LOAD)
    await note_removal(session, "o.customer_id = :id", id=erasure.customer_id)
    removed = {
        table: await _delete(session, table, erasure.customer_id)
        for table in await _tables(session)
    }
    words = {"id": erasure.customer_id, "emails": erasure.emails,
             "token": as_token(erasure.customer_id),
             "quoted": as_token(erasure.customer_id, "['\"]"),
             "quoting": list(QUOTING)}  # fmt: skip
    removed["customers"] += (await run_sql(
        session, "DELETE FROM customers WHERE joined_to = :id", id=erasure.customer_id
    )).rowcount  # fmt: skip
    for name, statement in _TEXTS.items():
        used = {key: value for key, value in words.items() if f":{key}" in statement}
        removed[name] = (await run_sql(session, statement, **used)).rowcount
    if any(removed[table] for table in ("customers", "orders")):
        await change_without_file(session)
    erasure.removed = _sum(erasure.removed, removed)
    if erasure.removed:
        await run_sql(session, _RESTART_RUNS)
    session.add(erasure)


async def _delete(session: AsyncSession, table: str, customer_id: str) -> int:
    """Rows that were removed; none of a table that a run has published or given up meanwhile."""
    statement = f"DELETE FROM {table} WHERE customer_id = :id"
    try:
        async with session.begin_nested():
            return (await run_sql(session, statement, id=customer_id)).rowcount
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != NO_TABLE:
            raise
    return 0


async def finish_erasure(
    session: AsyncSession, erasure: Erasure, counts: Mapping[str, int]
) -> None:
    """Forget whom the request was about; `counts` are of what is not in tables."""
    await erase_rows(session, erasure)  # a run that began before the first time may have published
    erasure.removed = _sum(erasure.removed, counts)
    erasure.customer_id, erasure.emails, erasure.reading = None, [], {}
    erasure.state, erasure.finished_at = ErasureState.FINISHED, datetime.now(UTC)
    session.add(erasure)
    rows = sum(erasure.removed.get(table, 0) for table in ("customers", "orders"))
    audit.record(
        session, erasure.actor, "customer.erased", f"erasure {erasure.erasure_id}", rows,
        dict(erasure.removed),
    )  # fmt: skip


async def _tables(session: AsyncSession) -> list[str]:
    """Whatever table has a customer_id, snapshots that are not published yet included."""
    found = await run_sql(session, """
        SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE a.attname = 'customer_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
          AND c.relname <> 'erasures'
        ORDER BY c.relname = 'customers', c.relname
        """)  # fmt: skip
    return [str(name) for name in found.scalars()]


def _sum(before: dict[str, Any], more: Mapping[str, int]) -> dict[str, Any]:
    counted = {name: before.get(name, 0) + count for name, count in more.items()}
    return before | {name: count for name, count in counted.items() if count}


def as_token(customer_id: str, edge: str = r"[,;|:^~'\"()<>=\x1f\s]") -> str:
    """A regular expression that finds the id as a whole cell or word, also as the number that a
    spreadsheet made of it; case counts. `edge`: what may stand beside it."""
    escaped = re.sub(r"([^\w\s])", r"\\\1", customer_id)
    number = r"(\.0)?" if customer_id.isdecimal() else ""
    return f"(^|{edge}){escaped}{number}($|{edge})"


async def erase_now(
    sessions: Sessions, settings: Settings, customer_id: str, actor: str, *, unknown: bool = False
) -> Erasure:
    """Request an erasure and remove the rows at once, unless a long load is in the way.

    Ingest does what is left. Raises NotFoundError for an id that is in no table, unless it may be
    `unknown`.
    """
    async with sessions() as session, session.begin():
        if not (unknown or await _is_known(session, settings, customer_id)):
            raise await nobody(session, customer_id, ONLY_IN_FILES)
        asked = await request_erasure(session, settings, customer_id, actor)
    try:
        async with sessions() as session, session.begin():
            await run_sql(session, f"SET LOCAL lock_timeout = '{PATIENCE}'")
            erasure = await session.get_one(Erasure, asked.erasure_id)
            await erase_rows(session, erasure)
        return erasure
    except DBAPIError as error:
        if not is_locked_out(error):
            raise
    return asked


async def _is_known(session: AsyncSession, settings: Settings, customer_id: str) -> bool:
    """Whether a customer has the id, is in a snapshot, or was erased: files may be left."""
    key = same_id(customer_id)
    found = await run_sql(session, """
        SELECT EXISTS (SELECT FROM customers WHERE customer_id = :id)
            OR EXISTS (SELECT FROM rfm_features WHERE customer_id = :id)
        """, id=key)  # fmt: skip
    return bool(found.scalar()) or await _was_erased(session, settings, key)


async def _was_erased(session: AsyncSession, settings: Settings, key: str) -> bool:
    """Whether the id is kept out; makes no key where nobody was erased."""
    if not (await run_sql(session, "SELECT EXISTS (SELECT FROM suppressions)")).scalar():
        return False
    subject = (await pseudonyms_of(session, settings)).of(key)
    known = "SELECT EXISTS (SELECT FROM suppressions WHERE subject_hash = :subject)"
    return bool((await run_sql(session, known, subject=subject)).scalar())


async def open_erasures(session: AsyncSession) -> list[Erasure]:
    """Requests that are not carried out yet, oldest first."""
    found = await session.exec(
        select(Erasure)
        .where(Erasure.state == ErasureState.REQUESTED)
        .order_by(col(Erasure.erasure_id))
    )
    return list(found.all())


async def lift(session: AsyncSession, erasure_id: int, actor: str) -> None:
    """Forget the hashes of an erasure that has ended: the person may come back as a customer.

    Raises NotFoundError, and ConflictError before it has ended.
    """
    found = await session.get(Erasure, erasure_id, with_for_update=True)
    erasure = existing(found, f"erasure {erasure_id}", "erasure_id")
    if erasure.state is not ErasureState.FINISHED:
        raise ConflictError(f"erasure {erasure_id} has not ended", erasure_id=erasure_id)
    await run_sql(session, "DELETE FROM suppressions WHERE erasure_id = :id", id=erasure_id)
    audit.record(session, actor, "customer.erase.lift", f"erasure {erasure_id}")


_NAMED = (
    "EXISTS (SELECT FROM unnest(CAST(:emails AS text[])) e"
    " WHERE position(lower(e) in lower({0})) > 0)"
)

_UNNAMED_ANSWERS = f"""(SELECT coalesce(jsonb_object_agg(about, value), '{{}}')
    FROM jsonb_each(answers) a (about, value) WHERE NOT {_NAMED.format("about")})"""
"""The question about a word has the word in its key."""

_TEXTS = {
    "import_rejects": f"""
        UPDATE import_rejects SET value = NULL, raw = NULL
        WHERE lower(concat_ws(' ', value, raw)) ~ lower(:token)
           OR {_NAMED.format("concat_ws(' ', raw, value)")}
        """,
    "imports": f"""
        UPDATE imports SET message = 'what stood here named a customer who was erased',
               notes = notes || '{{"ignored_columns": [], "statuses": [], "told": []}}'
        WHERE {_NAMED.format("concat_ws(' ', message, notes)")}
           OR reason = ANY(:quoting) AND lower(message) ~ lower(:token)
        """,
    "import_notes": """
        UPDATE imports SET notes = notes || '{"told": []}'
        WHERE lower(notes ->> 'told') ~ lower(:quoted)
        """,
    "import_previews": f"""
        UPDATE imports SET preview = '{{}}', questions = '[]',
               state = CASE WHEN state = 'needs_decision' THEN 'reading' ELSE state END
        WHERE {_NAMED.format("concat_ws(' ', preview, questions)")}
           OR lower(concat_ws(' ', preview, questions)) ~ lower(:token)
        """,
    "import_names": f"""
        UPDATE imports SET file_name = 'erased-' || import_id || '.csv'
        WHERE {_NAMED.format("file_name")}
        """,
    "import_answers": f"""
        UPDATE imports SET answers = {_UNNAMED_ANSWERS}
        WHERE {_NAMED.format("CAST(answers AS text)")}
        """,
    "file_profiles": f"""
        UPDATE file_profiles SET answers = {_UNNAMED_ANSWERS},
               name = CASE WHEN {_NAMED.format("name")} THEN 'profile ' || profile_id
                      ELSE name END,
               questions = (SELECT coalesce(jsonb_agg(q), '[]')
                   FROM jsonb_array_elements(questions) q
                   WHERE NOT {_NAMED.format("CAST(q AS text)")}),
               mapping = CASE WHEN {_NAMED.format("CAST(mapping AS text)")}
                         THEN mapping - 'statuses' ELSE mapping END
        WHERE {_NAMED.format("concat_ws(' ', name, answers, questions, mapping)")}
        """,
    "import_effects": """
        UPDATE imports SET effects = effects || '{"dominant_customer": null}'
        WHERE effects #>> '{dominant_customer,customer_id}' = :id
        """,
    "outbox": f"""
        UPDATE outbox SET data = data || '{{"message": "", "file_name": ""}}'
        WHERE {_NAMED.format("CAST(data AS text)")}
           OR data ->> 'reason' = ANY(:quoting) AND lower(data ->> 'message') ~ lower(:token)
        """,
    "webhook_messages": """
        UPDATE webhook_messages SET payload = jsonb_set(payload, '{data,customers}', (
            SELECT coalesce(jsonb_agg(c), '[]')
            FROM jsonb_array_elements(payload #> '{data,customers}') c
            WHERE c ->> 'customer_id' <> :id))
        WHERE payload #> '{data,customers}' @> jsonb_build_array(
            jsonb_build_object('customer_id', CAST(:id AS text)))
        """,
    "webhook_attempts": f"""
        UPDATE webhook_attempts SET answer = NULL
        WHERE lower(answer) ~ lower(:token) OR {_NAMED.format("answer")}
        """,
}
"""What is left of the person in texts; the row stays, because counts must add up."""

_RESTART_RUNS = """
UPDATE scoring_runs SET state = 'queued', fence = fence + 1, attempt = greatest(attempt - 1, 0),
       worker = NULL, progress = '{}'
WHERE state = 'running'
  AND (data_version IS NULL OR data_version < (SELECT data_version FROM data_state))
"""
"""Their worker notices that it lost them, and takes them again."""
