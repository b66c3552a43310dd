"""Sessions with a cluster: each keeps what is its own, and one that failed leaves nothing."""

import pytest
from tools.cluster import Cluster

from rfm_cli.processes import free_port
from scoring.engines.protocol import EngineAwayError


async def test_two_sessions_at_once_keep_what_is_their_own(cluster: Cluster) -> None:
    from rfm_spark.connect import Connection  # noqa: PLC0415 - installed on demand

    first, second = Connection(cluster.remote), Connection(cluster.remote)
    try:
        await first.open()
        await second.open()
        await first.keep("kept", "SELECT 1 AS number")
        await second.keep("kept", "SELECT 2 AS number")
        assert await first.rows("SELECT * FROM kept") == [{"number": 1}]
        assert await second.rows("SELECT * FROM kept") == [{"number": 2}]
    finally:
        await first.close()
        await second.close()


async def test_a_session_that_could_not_begin_is_in_nobodys_way(
    cluster: Cluster, monkeypatch
) -> None:
    from rfm_spark.connect import Connection  # noqa: PLC0415 - installed on demand

    monkeypatch.setattr("rfm_spark.connect.RETRIES", 1)
    away, there = Connection(f"sc://127.0.0.1:{free_port()}"), Connection(cluster.remote)
    with pytest.raises(EngineAwayError, match="is away or lost a part"):
        await away.open()
    try:
        await there.open()
        await there.keep("kept", "SELECT 1 AS number")
        assert await there.rows("SELECT * FROM kept") == [{"number": 1}]
    finally:
        await there.close()
