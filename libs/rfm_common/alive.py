"""`python -m rfm_common.alive SERVICE`: exit code 0 while a process of it lives on this machine.

For the health checks of containers.
"""

import asyncio
import socket
import sys

import asyncpg

from rfm_common.beats import SILENT
from rfm_common.db import database_address
from rfm_common.settings import Settings
from rfm_common.startup import read_settings

PATIENCE = 4
_RECENT = """SELECT EXISTS (SELECT FROM service_beats WHERE service = $1
    AND starts_with(instance, $2) AND beat_at > now() - make_interval(secs => $3))"""


async def is_alive(settings: Settings, service: str) -> bool:
    """Whether it has shown a sign of life from this machine lately; raises without a database."""
    connection = await asyncpg.connect(**database_address(settings), timeout=PATIENCE)
    try:
        host = f"{socket.gethostname()}:"
        return bool(await connection.fetchval(_RECENT, service, host, SILENT))
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(not asyncio.run(is_alive(read_settings("alive"), sys.argv[1])))
