"""`rfm up` with services that do almost nothing: supervision alone, quick to start.

    python -m tests.integration.cli.stub_stack --port 0

The stub gateway answers /health with what it was given to reach the servers.
"""

import asyncio
import sys

import click

from rfm_cli.stack import Stack, with_port
from rfm_cli.state import StateFolder
from rfm_common.logs import configure_logging
from rfm_common.settings import Settings

GATEWAY = """
import http.server, json, os

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = ("DB_HOST", "DB_PORT", "DB_PASSWORD", "REDIS_URL", "DATA_DIR", "RFM_STATE_DIR")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({name: os.environ[name] for name in names}).encode())
    def log_message(self, *_): pass

address = os.environ["API_HOST"], int(os.environ["API_PORT"])
http.server.ThreadingHTTPServer(address, Health).serve_forever()
"""
SLEEPER = "print('works', flush=True); import time; time.sleep(600)"
PROGRAMS = {"ingest": ("-c", SLEEPER), "scoring": ("-c", SLEEPER), "gateway": ("-c", GATEWAY)}


async def announce(url: str) -> None:
    click.echo(f"RFM runs at {url}")


def main() -> None:
    settings = Settings(api_port=int(sys.argv[-1]))
    configure_logging("rfm", settings.log_level)
    with StateFolder(settings.state_dir).held():
        asyncio.run(Stack(with_port(settings), announce, PROGRAMS).run())


if __name__ == "__main__":
    main()
