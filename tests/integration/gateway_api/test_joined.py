"""A customer whom some files name by number and others by e-mail address, under both names."""

import httpx

from rfm_common.db import Sessions, run_sql
from tests.integration.scoring.shop import ShopOrder, at, load

ADDRESS = "anna@ex.test"


async def joined(sessions: Sessions) -> None:
    orders = [ShopOrder("A1", "912", at("2026-01-02"), amount=5)]
    await load(sessions, orders, customers=["912", "913", ADDRESS])
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE customers SET joined_to = '912' WHERE customer_id = :id",
                      id=ADDRESS)  # fmt: skip
        await run_sql(session, "UPDATE orders SET known_as = :id", id=ADDRESS)


async def test_the_address_leads_to_the_customer(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    await joined(sessions)
    for name in ("912", ADDRESS, "Anna@Ex.test"):
        found = (await client.get(f"/customers/{name}")).json()
        assert (found["customer_id"], found["orders_total"]) == ("912", 1)
        listed = (await client.get(f"/customers/{name}/orders")).json()
        assert (listed["customer_id"], listed["total"]) == ("912", 1)
        page = await client.get(f"/dashboard/customers/{name}")
        assert page.status_code == 200
        assert "A1" in page.text


async def test_who_is_looked_for_by_the_address_is_found(
    client: httpx.AsyncClient, shop: object, sessions: Sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO customers (customer_id, joined_to)"
                      " VALUES (:id, 'C0003')", id=ADDRESS)  # fmt: skip
    for text in ("ANNA", "na@ex"):
        found = (await client.get("/customers", params={"q": text})).json()
        assert [one["customer_id"] for one in found["customers"]] == ["C0003"]


async def test_the_address_is_no_customer_of_its_own(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    await joined(sessions)
    assert (await client.get("/health")).json()["total_customers"] == 2
    await client.put(f"/customers/{ADDRESS}/exclusion")
    listed = (await client.get("/exclusions")).json()
    assert [one["customer_id"] for one in listed["customers"]] == ["912"]
    assert listed["total"] == 1
    await client.delete("/customers/912/exclusion")
    assert (await client.get("/exclusions")).json()["total"] == 0
