"""`python -m gateway`: serve the API and the dashboard on API_HOST:API_PORT."""

import asyncio
import contextlib
import logging
import resource
import sys

from sqlalchemy.exc import SQLAlchemyError

from gateway.kit.assets import fetching
from gateway.web.app import create_app
from gateway.web.edge import alive
from gateway.web.server import Server
from gateway.webhooks.endpoints import check_settings
from gateway.webhooks.service import delivering
from rfm_common.bus import BUS_ERRORS, open_redis
from rfm_common.credentials import is_loopback, needs_login
from rfm_common.db import open_sessions
from rfm_common.errors import InvalidInputError
from rfm_common.installation import OtherRedisError, claim
from rfm_common.keys import NoCredentialError, require_credential
from rfm_common.logs import configure_logging
from rfm_common.settings import Settings
from rfm_common.startup import read_settings

log = logging.getLogger("rfm.gateway")


def raise_file_limit() -> None:
    """Allow as many open connections as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def check_entrance(settings: Settings) -> None:
    """Exit rather than run where nobody can get in, or warn when everybody can."""
    if not needs_login(settings):
        if not is_loopback(settings.api_host):
            log.warning("no login: whoever reaches %s can read everything", settings.api_host)
        return
    try:
        async with open_sessions(settings, "gateway", 1) as sessions, sessions() as session:
            await require_credential(settings, session)
    except NoCredentialError as error:
        sys.exit(f"gateway: {error}")
    except (SQLAlchemyError, OSError) as error:
        log.warning("cannot look for keys, callers need one all the same: %s", error)


async def check_redis(settings: Settings) -> None:
    """Exit rather than show the events of another installation; either server may be away."""
    try:
        async with (
            open_sessions(settings, "gateway", 1) as sessions,
            open_redis(settings, "gateway") as redis,
        ):
            await claim(sessions, redis)
    except OtherRedisError as error:
        sys.exit(f"gateway: {error}")
    except (SQLAlchemyError, *BUS_ERRORS) as error:
        log.warning("cannot look for other installations yet: %s", error)


def check_webhook(settings: Settings) -> None:
    """Exit rather than drop messages that the settings ask for."""
    try:
        check_settings(settings)
    except InvalidInputError as error:
        sys.exit(f"gateway: RFM_WEBHOOK_URL and RFM_WEBHOOK_SECRET: {error.detail}")


def main() -> None:
    """Read the settings and serve until a signal."""
    settings = read_settings("gateway")
    configure_logging("gateway", settings.log_level, settings.log_format)
    asyncio.run(check_entrance(settings))
    asyncio.run(check_redis(settings))
    check_webhook(settings)
    raise_file_limit()
    Server(settings, create_app(settings, alive, fetching, delivering)).run()


if __name__ == "__main__":
    main()
