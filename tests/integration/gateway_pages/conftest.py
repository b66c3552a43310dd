"""The pages through the application, over a real database."""

from collections.abc import AsyncGenerator

import httpx
import pytest_asyncio

from rfm_common.db import Sessions
from rfm_common.settings import Settings
from tests.integration.gateway_api.conftest import served
from tests.shop import open_shop


@pytest_asyncio.fixture
async def client(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the gateway over an empty database."""
    async with served(settings.model_copy(update={"cdn": "off"})) as made:
        yield made


@pytest_asyncio.fixture
async def shop(client: httpx.AsyncClient, sessions: Sessions) -> httpx.AsyncClient:
    """The same over the small shop: 120 customers, scored as of 30 June 2024."""
    await open_shop(sessions)
    return client
