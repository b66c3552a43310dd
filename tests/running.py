"""Start the real services as processes against a test's servers, and wait for what they do."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TypeVar

import httpx

from rfm_cli.processes import free_port
from rfm_common.settings import Settings

Answer = TypeVar("Answer")
SERVICES = ("ingest", "scoring", "gateway")


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The environment in which a service meets the servers and folders of `settings`."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return keep | {
        "DB_HOST": settings.db_host,
        "DB_PORT": str(settings.db_port),
        "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "DATA_DIR": str(settings.input_dir),
        "RFM_STATE_DIR": str(settings.data_dir.parent / "state"),
        "RFM_HISTORY_MONTHS": "0",
        **more,
    }


async def start(
    service: str, settings: Settings, log: IO[bytes] | None = None, **more: str
) -> asyncio.subprocess.Process:
    """Start one service; its log goes to the test's output unless there is a file for it."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", service, env=environment(settings, **more), cwd="/", stderr=log
    )


async def start_script(
    script: Path, settings: Settings, *arguments: str
) -> asyncio.subprocess.Process:
    """Start a script where a service would run."""
    return await asyncio.create_subprocess_exec(
        sys.executable, script, *arguments, env=environment(settings), cwd="/"
    )


async def stop(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> int:
    """Signal a service and wait for its end; kill it when it does not come."""
    if process.returncode is None:
        process.send_signal(number)
    try:
        return await asyncio.wait_for(process.wait(), 60)
    except TimeoutError:
        process.kill()
        raise


async def eventually(
    ask: Callable[[], Awaitable[Answer]], seconds: float = 60, what: str = ""
) -> Answer:
    """Ask until the answer is true; a request that fails counts as not yet."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            if answer := await ask():
                return answer
        except httpx.HTTPError:
            pass
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not happen in {seconds} s: {what}")
        await asyncio.sleep(0.1)


async def answering(client: httpx.AsyncClient) -> None:
    """Wait until the client's gateway is up."""

    async def healthy() -> bool:
        return (await client.get("/health")).status_code == 200

    await eventually(healthy, what="the gateway answers")


@asynccontextmanager
async def product(
    settings: Settings, log: IO[bytes] | None = None, **more: str
) -> AsyncGenerator[httpx.AsyncClient]:
    """The three services, running; yields a client of the gateway."""
    port = free_port()
    processes = [
        await start(service, settings, log, API_PORT=str(port), **more) for service in SERVICES
    ]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            await answering(client)
            yield client
    finally:
        for process in processes:
            await stop(process)


def drop(folder: Path, name: str, content: str | bytes) -> Path:
    """Put a file into the watched folder the recommended way: written aside, then renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.part"
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    return partial.rename(folder / name)
