"""The database of the settings, for commands that work on it without the services."""

from collections.abc import Generator
from contextlib import contextmanager

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.preflight import check_database_now
from rfm_cli.psql import ask
from rfm_cli.recovery import recover
from rfm_cli.servers import with_servers
from rfm_cli.state import StateFolder
from rfm_common.errors import RfmError
from rfm_common.settings import Settings

_IN_USE = "SELECT DISTINCT application_name FROM pg_stat_activity" \
    " WHERE datname = current_database() AND application_name LIKE 'rfm-%' ORDER BY 1"  # fmt: skip


class InUseError(RfmError):
    """Services are connected to a database that is to be replaced."""


@contextmanager
def reach(settings: Settings) -> Generator[Settings]:
    """Settings with the address of the database: the one of DB_HOST, else the private one.

    A private server that does not run is started for as long as this lasts. A restore that was
    interrupted is undone first.
    """
    if is_private(settings) and StateFolder(settings.state_dir).running():
        server = _private(settings)
        server.attach()
        yield with_servers(settings, [server])
    else:
        with reach_alone(settings) if is_private(settings) else _own_server(settings) as reached:
            recover(reached)
            yield reached


@contextmanager
def reach_alone(settings: Settings) -> Generator[Settings]:
    """The same while nothing else uses it; raises AlreadyRunningError or InUseError otherwise."""
    if is_private(settings):
        with StateFolder(settings.state_dir).held(), _started(_private(settings)) as server:
            yield with_servers(settings, [server])
    else:
        with _own_server(settings):
            if services := ask(settings, _IN_USE).split():
                raise InUseError(f"{', '.join(services)} use the database: stop them first")
            yield settings


@contextmanager
def _own_server(settings: Settings) -> Generator[Settings]:
    check_database_now(settings)
    yield settings


def is_private(settings: Settings) -> bool:
    """Whether the database is the one that `rfm up` runs."""
    return "db_host" not in settings.model_fields_set


def _private(settings: Settings) -> PrivatePostgres:
    return PrivatePostgres(settings.state_dir.absolute() / PrivatePostgres.name)


@contextmanager
def _started(server: PrivatePostgres) -> Generator[PrivatePostgres]:
    server.start()
    try:
        yield server
    finally:
        server.stop()
