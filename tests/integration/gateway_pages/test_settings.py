"""The page of the settings, as a form without scripts sends it."""

import re

from rfm_common.db import run_sql
from tests.integration.gateway_api.conftest import served
from tests.integration.gateway_pages.test_pages import read, words

PAGE = "/dashboard/settings"
FORM = {"window_days": "", "default_k": "", "timezone": "", "currency": "", "counted_statuses": ""}


async def send(client, **fields: str):
    return await client.post(PAGE, data=FORM | fields)


async def test_what_is_saved_is_shown_and_said(shop) -> None:
    sent = await send(shop, window_days=" 90 ", timezone="Europe/Berlin", currency="chf",
                      counted_statuses="Paid, sent", default_k="auto")  # fmt: skip
    assert (sent.status_code, sent.headers["location"]) == (303, f"{PAGE}?saved=1")
    html = await read(shop, f"{PAGE}?saved=1")
    for name, value in (("window_days", "90"), ("timezone", "Europe/Berlin"), ("currency", "CHF"),
                        ("counted_statuses", "paid, sent"), ("default_k", "auto")):  # fmt: skip
        assert re.search(rf'name="{name}"[^>]* value="{value}"', html), name
    text = words(html)
    assert "Saved." in text
    assert "calculated with a window of 365 days; the settings now say a window of 90 days" in text
    assert "a window of 90 days" in words(await read(shop, "/dashboard"))
    assert "Times in Europe/Berlin" in words(await read(shop, "/dashboard/help"))


async def test_the_button_scores_with_the_settings(shop) -> None:
    await send(shop, window_days="90")
    sent = await shop.post("/dashboard/runs")
    assert sent.status_code == 303
    run = (await shop.get(sent.headers["location"].removeprefix("/dashboard"))).json()
    assert (run["window_days"], run["trigger"]) == (90, "api")


async def test_mistakes_are_said_at_their_fields_and_nothing_is_kept(shop, sessions) -> None:
    sent = await send(shop, window_days="0", timezone="Berlin", currency="EUX", default_k="4")
    assert sent.status_code == 400
    for name in ("window_days", "timezone", "currency"):
        assert re.search(rf'id="{name}"[^>]* aria-invalid="true"', sent.text)
        assert f'id="{name}-error"' in sent.text
    assert 'id="default_k-error"' not in sent.text
    assert re.search(r'name="timezone"[^>]* value="Berlin"', sent.text)
    assert "This must be a whole number of days from 1 to 3650" in words(sent.text)
    async with sessions() as session:
        assert (await run_sql(session, "SELECT count(*) FROM settings")).scalar_one() == 0


async def test_a_setting_of_the_environment_cannot_be_edited(settings) -> None:
    fixed = settings.model_copy(update={"window_days": 180, "cdn": "off"})
    async with served(fixed) as client:
        html = await read(client, PAGE)
        assert re.search(r'id="window_days"[^>]* value="180"[^>]* disabled', html)
        assert "Set by RFM_WINDOW_DAYS in the environment" in words(html)
        without = {name: text for name, text in FORM.items() if name != "window_days"}
        assert (await client.post(PAGE, data=without | {"default_k": "7"})).status_code == 303
        assert (await send(client, window_days="90")).status_code == 409


async def test_an_empty_field_is_the_default_again(shop) -> None:
    await send(shop, window_days="90", default_k="7")
    await send(shop, default_k="7")
    html = await read(shop, PAGE)
    assert re.search(r'name="window_days"[^>]* value=""[^>]* placeholder="365"', html)
    assert re.search(r'name="default_k"[^>]* value="7"', html)


async def test_what_is_typed_is_escaped(shop) -> None:
    sent = await send(shop, timezone='"><script>alert(1)</script>')
    assert sent.status_code == 400
    assert "<script>alert" not in sent.text
