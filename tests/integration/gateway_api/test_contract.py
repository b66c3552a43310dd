"""Whatever a client sends, the answer is one that /openapi.json describes: generated requests.

All of schemathesis' checks, on a gateway that really listens. For more requests and other ones:

    FUZZ_EXAMPLES=100 FUZZ_SEED=7 pytest tests/integration/gateway_api/test_contract.py
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from rfm_cli.processes import free_port
from rfm_common.settings import Settings
from tests.running import eventually, start, stop
from tests.shop import CALC_DATE, open_shop, score

RULES = Path(__file__).with_name("schemathesis.toml").read_text()
AWAY = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
SEED = os.environ.get("FUZZ_SEED", "1")
UNLIMITED = {f"RFM_{name}_PER_MINUTE": "0" for name in ("LOGINS", "RUNS", "EXPORTS")}
LEFT_OUT = (
    "--exclude-path", "/events",  # has no end; tested on its own
    "--exclude-path", "/demo",  # writes a whole shop each time
)  # fmt: skip
WITHOUT_TWINS = ("--exclude-path-regex", r"\.csv$")
"""The same handlers under another name; the shop that is empty is asked for those too."""


@asynccontextmanager
async def listening(settings: Settings) -> AsyncGenerator[str]:
    """The gateway's address, while it runs as a process."""
    port = free_port()
    process = await start("gateway", settings, API_PORT=str(port), RFM_CDN="off",
                          RFM_LOG_LEVEL="ERROR", **UNLIMITED)  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

            async def answers() -> bool:
                return (await client.get("/openapi.json")).status_code == 200

            await eventually(answers, what="the gateway answers")
            yield str(client.base_url)
    finally:
        await stop(process)


async def ask(address: str, folder: Path, *options: str, rules: str = RULES) -> None:
    """Run schemathesis; its report, with the seed and how to repeat each failure, on failure."""
    configuration = folder / "schemathesis.toml"
    configuration.write_text(rules)
    command = (
        str(Path(sys.executable).parent / "schemathesis"),
        "--config-file", str(configuration),
        "run", f"{address}/openapi.json", "--seed", SEED, "--no-color", "--continue-on-failure",
        "--warnings", "off", "--request-timeout", "60", *LEFT_OUT, *options,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        report = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, report


def depth(phase: str, examples: int) -> tuple[str, ...]:
    """Few requests of one phase each time, many of all phases when asked for."""
    if EXAMPLES:
        return ("--max-examples", EXAMPLES)
    return ("--phases", phase, "--max-examples", str(examples))


@pytest.mark.timeout(600)
async def test_with_a_scored_shop(settings, sessions, tmp_path) -> None:
    await open_shop(sessions)
    await score(sessions, CALC_DATE + timedelta(days=30))
    async with listening(settings) as address:
        await ask(address, tmp_path, *depth("coverage", 1), *() if EXAMPLES else WITHOUT_TWINS)


@pytest.mark.timeout(600)
@pytest.mark.slow
async def test_with_nothing_loaded_yet(settings, tmp_path) -> None:
    async with listening(settings) as address:
        await ask(address, tmp_path, *depth("fuzzing", 1))


@pytest.mark.timeout(600)
@pytest.mark.slow
async def test_with_both_servers_away(settings, tmp_path) -> None:
    """503 with Retry-After, as described; nothing else from 500 on."""
    nowhere = {"db_port": free_port(), "redis_url": SecretStr(f"redis://127.0.0.1:{free_port()}/0")}
    async with listening(settings.model_copy(update=nowhere)) as address:
        await ask(address, tmp_path, *depth("fuzzing", 1), rules=RULES + AWAY)
