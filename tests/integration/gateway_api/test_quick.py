"""Single statements: they outlive their connections, and remember only what stays true."""

import pytest

from gateway.kit.quick import Quick, Recent
from rfm_common.db import open_pool, run_sql
from rfm_common.errors import InvalidInputError, UnavailableError
from rfm_common.models import DataState
from tests.shop import CALC_DATE, score

VERSION = "SELECT 1 AS id, data_version, scored_version, changed_at FROM data_state"


async def test_a_lost_connection_is_replaced_without_the_client_noticing(
    client, shop, sessions
) -> None:
    assert (await client.get("/customers/C0001")).status_code == 200
    async with sessions() as session:
        await run_sql(
            session,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND application_name = 'rfm-gateway'",
        )
    assert (await client.get("/customers/C0001")).status_code == 200
    assert (await client.get("/segments")).status_code == 200


async def test_a_server_that_is_away_is_told_apart_from_a_value_it_refuses(settings) -> None:
    async with open_pool(settings, "test") as pool:
        with pytest.raises(InvalidInputError):
            await Quick(pool).one(DataState, f"{VERSION} WHERE $1 = 'x'", "\0")
    async with open_pool(settings.model_copy(update={"db_port": 1}), "test") as pool:
        with pytest.raises(UnavailableError):
            await Quick(pool).one(DataState, VERSION)


async def test_segments_that_are_remembered_belong_to_their_snapshot(
    client, shop, sessions
) -> None:
    first = await client.get("/segments")
    assert (await client.get("/segments")).content == first.content
    assert (await client.get("/segments.csv")).text.startswith("segment_name,")
    again = await score(sessions, CALC_DATE)  # the same date, scored anew
    assert (await client.get("/segments")).json()["run_id"] == again != first.json()["run_id"]
    compared = (await client.get("/segments", params={"compare": "latest"})).json()
    assert compared["compare"]["run_id"] == again
    tag = {"If-None-Match": first.headers["ETag"]}
    assert (await client.get("/segments", headers=tag)).status_code == 200


def test_of_recent_values_the_one_unused_for_longest_goes() -> None:
    recent = Recent(size=2)
    assert recent.keep("a", 1) == 1
    recent.keep("b", 2)
    assert recent.get("a") == 1
    recent.keep("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]
