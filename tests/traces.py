"""Look for words everywhere the product keeps anything: tables, files, the stream of events."""

from pathlib import Path

from redis.asyncio import Redis

from rfm_common.bus import STREAM
from rfm_common.db import Sessions, run_sql

TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
ORDER BY relname
"""


async def traces(sessions: Sessions, redis: Redis, folder: Path, *words: str) -> list[str]:
    """Each place that holds one of the words, in whatever case; none is good."""
    found = []
    async with sessions() as session:
        for table in (await run_sql(session, TABLES)).scalars().all():
            rows = await run_sql(session, f"SELECT CAST(t AS text) FROM {table} t")
            found += [f"{table}: {row}" for row in rows.scalars() if _holds(row, words)]
    found += [f"stream: {entry}" for entry in await redis.xrange(STREAM)
              if _holds(str(entry), words)]  # fmt: skip
    for path in folder.rglob("*"):
        text = path.read_bytes().decode("latin-1") if path.is_file() else ""
        found += [f"{path}: {path.name} {text}"] if _holds(f"{path.name} {text}", words) else []
    return found


def _holds(text: str, words: tuple[str, ...]) -> bool:
    return any(word.lower() in text.lower() for word in words)
