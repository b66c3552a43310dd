"""A shop with tables and files, to be backed up, lost and restored."""

from rfm_cli.psql import ask
from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from scoring.runs.forecasts import forecast_next
from tests.shop import open_shop

TABLES = """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')
    AND relnamespace = 'public'::regnamespace ORDER BY 1"""
FILES = {
    "archive/1-customers.csv": "customer_id\nC1\n",
    "quarantine/2-broken.csv": "?\n",
    "quarantine/2-broken.csv.rejects.csv": "line,reason\n",
    "input/waiting.csv": "order_id\n",
}


async def dispose(sessions: Sessions) -> None:
    """Close the test's connections: a restore wants the database for itself."""
    await sessions.kw["bind"].dispose()


def tables(settings: Settings) -> dict[str, str]:
    """Every table with a digest of its rows, whatever their order."""
    digest = "SELECT '{0}', count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {0} t"
    query = " UNION ALL ".join(digest.format(name) for name in ask(settings, TABLES).split())
    rows = (line.split("|", 1) for line in ask(settings, query).splitlines())
    return {name: rest for name, rest in rows}  # noqa: C416


def files(settings: Settings) -> dict[str, str]:
    """Every file below the data folder with its text."""
    found = (path for path in settings.data_dir.rglob("*") if path.is_file())
    return {path.relative_to(settings.data_dir).as_posix(): path.read_text() for path in found}


def put(settings: Settings, contents: dict[str, str]) -> None:
    """Write files below the data folder."""
    for name, text in contents.items():
        path = settings.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def fill(settings: Settings, sessions: Sessions) -> None:
    """A scored shop with what its customers are expected to buy, and files, two of which the
    ledger knows."""
    await open_shop(sessions)
    assert await forecast_next(settings, sessions)
    put(settings, FILES)
    async with sessions() as session, session.begin():
        for number, path in enumerate(("archive/1-customers.csv", "quarantine/2-broken.csv"), 1):
            await run_sql(
                session, "UPDATE imports SET stored_path = :path WHERE import_id = :number",
                path=path, number=number,
            )  # fmt: skip
    await dispose(sessions)
