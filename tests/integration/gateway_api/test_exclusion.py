"""Keeping a customer out of scores through the API and the page."""

import httpx

from rfm_common.db import Sessions
from tests.integration.scoring.shop import load


async def test_a_customer_is_excluded_and_included(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    await load(sessions, customers=["Ä 1", "B2"])
    address = "/customers/%C3%84%201"
    for _ in range(2):
        assert (await client.put(f"{address}/exclusion")).status_code == 204
    listed = (await client.get("/exclusions")).json()
    assert (listed["total"], [one["customer_id"] for one in listed["customers"]]) == (1, ["Ä 1"])
    assert (await client.get(address)).json()["excluded_at"]
    assert (await client.delete(f"{address}/exclusion")).status_code == 204
    assert (await client.get(address)).json()["excluded_at"] is None
    assert (await client.put("/customers/nobody/exclusion")).status_code == 404


async def test_the_page_has_a_button(client: httpx.AsyncClient, sessions: Sessions) -> None:
    await load(sessions, customers=["B2"])
    page = "/dashboard/customers/B2"
    assert 'name="exclude"' in (await client.get(page)).text
    sent = await client.post(f"{page}/exclusion", data={"exclude": "yes"})
    assert (sent.status_code, sent.headers["location"]) == (303, page)
    text = (await client.get(page)).text
    assert "Excluded from scores since" in text
    await client.post(f"{page}/exclusion", data={"include": "yes"})
    assert "Excluded from scores since" not in (await client.get(page)).text


async def test_a_page_lists_who_is_excluded(client: httpx.AsyncClient, sessions: Sessions) -> None:
    page = "/dashboard/exclusions"
    assert "Nobody." in (await client.get(page)).text
    await load(sessions, customers=[f"C/{number:02}" for number in range(52)])
    for number in range(51):
        await client.put(f"/customers/C%2F{number:02}/exclusion")
    first, second = [(await client.get(page, params={"page": one})).text for one in (1, 2)]
    assert "51 customers" in first
    assert 'href="/dashboard/customers/C%2F00"' in first
    assert f'href="{page}?page=2"' in first
    assert "C%2F50" in second
    assert "C%2F51" not in first + second
    assert (await client.get(page, params={"page": "x"})).status_code == 400
