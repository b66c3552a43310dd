"""The product under attack."""

import asyncio
import random
import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from rfm_common import keys
from rfm_common.db import open_sessions
from rfm_common.models import Scope
from tests.prove.stack import Stack, running
from tests.running import drop, eventually

HEADER = "order_id,customer_id,order_date,order_amount,currency,status\n"
STEP = 90.0
"""Seconds that the product may take for something that it must do."""
ADMIN = secrets.token_urlsafe(32)
SETTINGS = {
    "RFM_AUTH": "required",
    "RFM_ADMIN_KEY": ADMIN,
    "RFM_CDN": "off",
    "RFM_SETTLE_SECONDS": "0",
    "RFM_STREAMS_PER_CALLER": "50",
}


@dataclass(slots=True)
class Target:
    """A running product, clients of it, and what chooses at random."""

    stack: Stack
    random: random.Random
    admin: httpx.AsyncClient
    nobody: httpx.AsyncClient
    keys: dict[str, str]
    """A key for each scope that has one alone."""

    def bearer(self, scope: str) -> dict[str, str]:
        """The header of a key with one scope."""
        return {"Authorization": f"Bearer {self.keys[scope]}"}

    async def raw(self, request: bytes) -> int:
        """The status of what a socket answers; 0 when it says nothing, -1 when it keeps silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.stack.port)
        try:
            with suppress(ConnectionError):
                writer.write(request)
                await writer.drain()
            with suppress(ConnectionError):
                async with asyncio.timeout(STEP):
                    found = re.match(rb"HTTP/1\.1 (\d{3})", await reader.read(4096))
                    return int(found[1]) if found else 0
            return 0
        except TimeoutError:
            return -1
        finally:
            writer.close()

    async def loads(self, name: str, content: str | bytes) -> str:
        """Drop a file of its own and wait for its end: what state it comes to."""
        drop(self.stack.input, name, content)
        return await self.end_of(name)

    async def end_of(self, name: str) -> str:
        """The state of the newest import of this name, when it has ended."""

        async def ended() -> str | None:
            found = (await self.admin.get("/imports", params={"page_size": 1000})).json()
            mine = [one for one in found["imports"] if one["file_name"] == name]
            return str(mine[0]["state"]) if mine and mine[0]["finished_at"] else None

        return str(await eventually(ended, STEP, what=f"{name} ends"))

    def peak(self, service: str) -> int:
        """The most memory that the process of a service had, in MiB."""
        pid = self.stack.pid(service)
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                return int(found[1]) // 1024
        return -1


@asynccontextmanager
async def under_attack(seed: int) -> AsyncGenerator[Target]:
    """Start everything, with a key of each scope; nothing of it is left afterwards."""
    async with (
        running(more=SETTINGS, is_tight=False) as stack,
        httpx.AsyncClient(base_url=stack.url, timeout=STEP, trust_env=False,
                          headers={"Authorization": f"Bearer {ADMIN}"}) as admin,
        httpx.AsyncClient(base_url=stack.url, timeout=STEP, trust_env=False) as nobody,
    ):  # fmt: skip
        await eventually(lambda: _is_up(admin), STEP, what="rfm up answers")
        made = {"admin": ADMIN} | await _keys(stack)
        yield Target(stack, random.Random(seed), admin, nobody, made)


async def _is_up(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health")).status_code == 200


async def _keys(stack: Stack) -> dict[str, str]:
    async with open_sessions(stack.settings, "attack") as sessions, sessions() as session:
        made = {
            scope.value: await keys.create_key(session, f"only-{scope}", [scope], "attack")
            for scope in (Scope.READ, Scope.RUN, Scope.EXPORT)
        }
        await session.commit()
    return made
