"""The private servers that the settings call for, and the settings that reach them."""

from collections.abc import Sequence

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.server import PrivateServer
from rfm_cli.valkey import PrivateValkey
from rfm_common.settings import Settings


def private_servers(settings: Settings) -> list[PrivateServer]:
    """A server for each that the settings do not name."""
    needed = {"db_host": PrivatePostgres, "redis_url": PrivateValkey}
    return [
        make(settings.state_dir.absolute() / make.name)
        for field, make in needed.items()
        if field not in settings.model_fields_set
    ]


def with_servers(settings: Settings, servers: Sequence[PrivateServer]) -> Settings:
    """The settings that reach these running servers."""
    reach: dict[str, str] = {}
    for server in servers:
        reach |= server.environment()
    named = settings.model_dump(exclude_unset=True)  # defaults stay what they are: not chosen
    return Settings(**named | {key.lower(): reach[key] for key in reach})
