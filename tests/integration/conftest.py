"""One gateway over one shop, for tests of the API and the pages that only read."""

from collections.abc import AsyncGenerator

import httpx
import pytest_asyncio
from pydantic import SecretStr

from rfm_common.db import open_sessions
from tests.conftest import fresh
from tests.integration.gateway_api.conftest import served
from tests.shop import open_shop


@pytest_asyncio.fixture(scope="session")
async def reader(template, tmp_path_factory) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of one gateway over one scored shop, for all tests that change neither.

    It listens in a database of Valkey that no other test writes to.
    """
    async with fresh(template, tmp_path_factory.mktemp("reader")) as made:
        apart = made.redis_url.get_secret_value().removesuffix("/0") + "/1"
        update = {"cdn": "off", "redis_url": SecretStr(apart)}
        async with open_sessions(made, "test") as sessions:
            await open_shop(sessions)
        async with served(made.model_copy(update=update)) as client:
            yield client
