"""`python -m gateway`: serve the API and the dashboard on API_HOST:API_PORT."""

import contextlib
import logging
import resource
import sys
from types import FrameType

import uvicorn
from litestar import Litestar

from gateway.app import create_app
from gateway.assets import fetching
from gateway.security.site import is_loopback
from rfm_common.logs import configure_logging
from rfm_common.settings import Settings

log = logging.getLogger("rfm.gateway")


class Server(uvicorn.Server):
    """Ends open event streams on the first signal; they would keep the server waiting."""

    def __init__(self, config: uvicorn.Config, app: Litestar) -> None:
        super().__init__(config)
        self.litestar = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell everything that waits, then stop as usual."""
        self.litestar.state.closing.set()
        self.litestar.state.live.close()
        super().handle_exit(sig, frame)


def raise_file_limit() -> None:
    """Allow as many open connections as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def check_address(settings: Settings) -> None:
    """Exit rather than show customers to a whole network by mistake."""
    if is_loopback(settings.api_host):
        return
    if settings.auth == "on":
        sys.exit(
            f"gateway: API_HOST={settings.api_host} is reachable from other machines and there is"
            " no login. Use 127.0.0.1, or set RFM_AUTH=off when something else protects the port."
        )
    log.warning("no login: whoever reaches %s can read everything", settings.api_host)


def main() -> None:
    """Read the settings and serve until a signal."""
    settings = Settings()
    configure_logging("gateway", settings.log_level, settings.log_format)
    check_address(settings)
    raise_file_limit()
    app = create_app(settings, fetching)
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    Server(config, app).run()


if __name__ == "__main__":
    main()
