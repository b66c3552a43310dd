"""Ids with signs that mean something in a URL, in every address of a customer."""

from urllib.parse import quote

import httpx
import pytest

from rfm_common.db import Sessions
from tests.integration.scoring.shop import ShopOrder, at, load

ODD = ["2024/17", "a/orders", "x/exclusion", "/1", "1/", "a//b", "?q#f", "50%2F", "Ä/ö ü"]


@pytest.mark.parametrize("customer_id", ODD)
async def test_every_address_of_a_customer_takes_any_id(
    client: httpx.AsyncClient, sessions: Sessions, customer_id: str
) -> None:
    orders = [ShopOrder("A1", customer_id, at("2026-01-02"), amount=5)]
    await load(sessions, orders, customers=["a", "x"])
    name = quote(customer_id, safe="")
    assert (await client.get(f"/customers/{name}")).json()["customer_id"] == customer_id
    assert (await client.get(f"/customers/{name}/orders")).json()["total"] == 1
    assert "A1" in (await client.get(f"/customers/{name}/orders.csv")).text
    assert (await client.put(f"/customers/{name}/exclusion")).status_code == 204
    page = f"/dashboard/customers/{name}"
    assert "Excluded from scores since" in (await client.get(page)).text
    sent = await client.post(f"{page}/exclusion", data={"include": "yes"})
    assert (sent.status_code, sent.headers["location"]) == (303, page)
    assert (await client.get("/exclusions")).json()["total"] == 0
    assert (await client.get(f"{page}/timeline")).status_code == 200
    assert (await client.delete(f"/customers/{name}")).status_code == 202
    assert (await client.get(f"/customers/{name}")).status_code == 404


@pytest.mark.parametrize("written", ["Case@Ex.test", " case@ex.test ", "mailto:CASE@ex.test"])
async def test_an_exclusion_takes_an_id_as_files_may_write_it(
    client: httpx.AsyncClient, sessions: Sessions, written: str
) -> None:
    await load(sessions, customers=["case@ex.test"])
    path = f"/customers/{quote(written, safe='')}/exclusion"
    assert (await client.put(path)).status_code == 204
    assert (await client.get("/exclusions")).json()["total"] == 1
    assert (await client.delete(path)).status_code == 204
    assert (await client.get("/exclusions")).json()["total"] == 0
