"""The servers that benchmarks/serve.py measures, as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.valkey import PrivateValkey

HERE = Path(__file__).parent


@contextmanager
def servers(folder: Path) -> Generator[PrivatePostgres]:
    """A private PostgreSQL and Valkey, set up as `rfm up` does, and their environment."""
    postgres, valkey = PrivatePostgres(folder / "postgres"), PrivateValkey(folder / "valkey")
    try:
        for server in (postgres, valkey):
            server.start()
            os.environ.update(server.environment())
        yield postgres
    finally:
        valkey.stop()
        postgres.stop()


@contextmanager
def gateway() -> Generator[subprocess.Popen[bytes]]:
    """The gateway and its constant route, answering."""
    process = subprocess.Popen([sys.executable, HERE / "serve_app.py"])
    try:
        address = f"http://127.0.0.1:{os.environ['API_PORT']}/health"
        for _ in range(300):
            time.sleep(0.1)
            try:
                if httpx.get(address, timeout=30).status_code == 200:
                    break
            except httpx.HTTPError:
                continue
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
