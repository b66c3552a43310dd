import pytest
from redis.asyncio import Redis

from rfm_common.db import Sessions
from rfm_common.settings import Settings
from tests.integration.ingest.dropping import Shop


@pytest.fixture
def shop(settings: Settings, sessions: Sessions, redis: Redis) -> Shop:
    return Shop(settings, sessions, redis)
