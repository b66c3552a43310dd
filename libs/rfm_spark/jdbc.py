"""How a cluster reaches PostgreSQL: by the driver's URL, straight from its workers. Pure."""

from dataclasses import dataclass, replace

from rfm_common.settings import Settings

FETCHED = "10000"
"""Rows that travel at once."""
PARAMETERS = "ApplicationName=rfm-spark&reWriteBatchedInserts=true"
"""In the URL: Spark's reader would put their names into lower case, which the driver ignores."""


@dataclass(frozen=True, slots=True)
class Database:
    """How the cluster reaches PostgreSQL: with the driver's own URL and options."""

    url: str
    options: dict[str, str]


def database(settings: Settings) -> Database:
    """The product's database, at the address that the cluster knows it by."""
    url = settings.spark_database_url or (
        f"jdbc:postgresql://{settings.db_host}:{settings.db_port}/{settings.db_name}"
    )
    options = {
        "driver": "org.postgresql.Driver", "user": settings.db_user,
        "password": settings.db_password.get_secret_value(),
        "batchsize": FETCHED, "fetchsize": FETCHED,
    }  # fmt: skip
    return Database(f"{url}{'&' if '?' in url else '?'}{PARAMETERS}", options)


def as_of(known: Database, snapshot: str) -> Database:
    """The same, whose every connection sees the data as the exported snapshot has it."""
    begin = (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        f" SET TRANSACTION SNAPSHOT '{snapshot}'"
    )
    return replace(known, options=known.options | {"sessionInitStatement": begin})
