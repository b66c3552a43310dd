"""A client that a generator makes of the description works against the product."""

import asyncio
import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.integration.gateway_api.test_contract import listening
from tests.integration.ingest.dropping import running
from tests.shop import CALC_DATE, open_shop, score

UV = Path(sys.executable).parent / "uv"
GENERATOR = "openapi-python-client==0.29.1"
PUSH = """
import sys
from pathlib import Path
from rfm_client import Client
from rfm_client.api.customers import get_customer
from rfm_client.api.imports import create_imports
from rfm_client.api.segments import list_segments
from rfm_client.models import CreateImportsFilesBody
from rfm_client.types import File

client = Client(base_url=sys.argv[1], timeout=90)
with Path(sys.argv[2]).open("rb") as content:
    body = CreateImportsFilesBody(file=[File(payload=content, file_name="till.csv")])
    answer = create_imports.sync(client=client, body=body, prefer="wait=60")
assert not hasattr(answer, "detail"), answer
print(answer.imports[0].file_name, answer.imports[0].state, answer.imports[0].rows_new)
print(len(list_segments.sync(client=client).segments) > 1)
print(get_customer.sync("NEW1", client=client).customer_id)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def run(*command: str | Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    return out.decode()


async def described(address: str, folder: Path) -> Path:
    path = folder / "openapi.json"
    async with httpx.AsyncClient(base_url=address) as client:
        path.write_bytes((await client.get("/openapi.json", timeout=60)).content)
    assert json.loads(path.read_text())["openapi"]
    return path


async def test_a_client_in_python(settings, sessions, redis, tmp_path) -> None:
    """It imports a file, waits for it, lists the segments and gets a customer."""
    await open_shop(sessions)
    await score(sessions, CALC_DATE + timedelta(days=30))
    till = tmp_path / "till.csv"
    till.write_text("order_id,customer_id,order_date,order_amount\nN1,NEW1,2024-01-05,9.50\n")
    (tmp_path / "use.py").write_text(PUSH)
    made = tmp_path / "made"
    async with listening(settings) as address, running(settings, sessions, redis):
        document = await described(address, tmp_path)
        await run(UV, "tool", "run", GENERATOR, "generate",
                  "--path", document, "--output-path", made)  # fmt: skip
        said = await run(UV, "run", "--no-project", "--with", made, "python",
                         tmp_path / "use.py", address, till)  # fmt: skip
    assert said.splitlines() == ["till.csv loaded 1", "True", "NEW1"]


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm makes the client in TypeScript")
async def test_types_for_typescript(settings, tmp_path) -> None:
    """Every call has its types under its name."""
    made = tmp_path / "rfm.ts"
    async with listening(settings) as address:
        document = await described(address, tmp_path)
        await run("npx", "--yes", "openapi-typescript@7", document, "-o", made)
    types = made.read_text()
    for name in ("list_customers", "create_imports", "get_customer"):
        assert f"    {name}: {{" in types
