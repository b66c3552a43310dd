"""`python -m gateway`: serve the API and the dashboard on API_HOST:API_PORT."""

import uvicorn

from gateway.app import create_app
from gateway.assets import fetching
from rfm_common.logs import configure_logging
from rfm_common.settings import Settings


def main() -> None:
    """Read the settings and serve until a signal; open streams end at once."""
    settings = Settings()
    configure_logging("gateway", settings.log_level, settings.log_format)
    uvicorn.run(
        create_app(settings, fetching),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
