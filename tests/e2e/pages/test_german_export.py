"""A shop's export, saved by a German Excel, from the folder to the tables and back: with the
mouse, with the keyboard alone, on a phone, and without scripts."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from redis.asyncio import Redis

from rfm_common.db import Sessions, run_sql
from tests.e2e.conftest import Site, is_live, visit
from tests.integration.ingest.dropping import drop, running
from tests.running import eventually

Order = tuple[str, str, str, str]
"""Customer, day, amount and status, as the export writes them."""

NOVEMBER: Sequence[Order] = (
    ("1001", "03.11.2025", "1.194,88", "Bezahlt"),
    ("1002", "04.11.2025", "80,00", "Versandt"),
    ("1003", "05.11.2025", "1.340,20", "Kommission"),
    ("1001", "12.11.2025", "19,90", "Bezahlt"),
    ("1004", "28.11.2025", "250,00", "Storniert"),
    ("1005", "30.11.2025", "2.116,37", "Kommission"),
)
DECEMBER: Sequence[Order] = (
    ("1001", "01.12.2025", "99,99", "Bezahlt"),
    ("1003", "13.12.2025", "1.000,00", "Kommission"),
    ("1006", "31.12.2025", "45,50", "Versandt"),
)


def excel(month: str, first: int, orders: Sequence[Order]) -> bytes:
    """A title, semicolons, decimal commas and a line of totals, in the encoding of Windows."""
    total = sum(worth(amount) for _, _, amount, _ in orders)
    rows = [f"{first + n};{customer};Müller GmbH;{day};{amount};{status}"
            for n, (customer, day, amount, status) in enumerate(orders)]  # fmt: skip
    lines = [f"Bestellübersicht {month};;;;;", ";;;;;",
             "Bestellnummer;Kundennummer;Kunde;Bestelldatum;Gesamtbetrag;Status",
             *rows, f"Summe;;;;{total};".replace(".", ",")]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode("cp1252")


def worth(amount: str) -> Decimal:
    return Decimal(amount.replace(".", "").replace(",", "."))


def counted(orders: Sequence[Order], *words: str) -> Decimal:
    return sum((worth(amount) for _, _, amount, word in orders if word in words), Decimal())


class Mouse:
    """Somebody with a page; how things are chosen, pressed and awaited."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def arrive(self) -> None:
        await is_live(self.page)

    async def follow(self, name: str) -> None:
        await self.page.get_by_role("link", name=name, exact=True).click()
        await self.arrive()

    async def choose(self, label: str) -> None:
        async with self.page.expect_response(lambda answer: "/preview" in answer.url):
            await self.page.get_by_label(label).check()

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def see(self, text: str, count: int = 1) -> None:
        await expect(self.found(text)).to_have_count(count, timeout=30_000)

    def found(self, text: str) -> Locator:
        """The states and sentences that end so."""
        ending = re.compile(f"{re.escape(text)}$")
        return self.page.locator(".state, .flows .wrap").filter(has_text=ending)

    async def fits(self) -> None:
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await self.page.evaluate(wider), self.page.url


class Keyboard(Mouse):
    """Tab, arrows, space and Enter."""

    async def reach(self, place: Locator) -> None:
        await place.wait_for()
        for _ in range(100):
            if await place.evaluate("element => element === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {place}")

    async def follow(self, name: str) -> None:
        await self.reach(self.page.get_by_role("link", name=name, exact=True))
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_load_state()
        await self.arrive()

    async def choose(self, label: str) -> None:
        await self.reach(self.page.locator("input[type=radio]:checked"))
        while not await self.page.get_by_label(label).is_checked():
            async with self.page.expect_response(lambda answer: "/preview" in answer.url):
                await self.page.keyboard.press("ArrowDown")

    async def press(self, name: str) -> None:
        await self.reach(self.page.get_by_role("button", name=name, exact=True))
        await self.page.keyboard.press("Enter")


class Finger(Mouse):
    """On a phone."""

    async def follow(self, name: str) -> None:
        await self.page.get_by_role("link", name=name, exact=True).tap()
        await self.page.wait_for_load_state()
        await self.arrive()

    async def choose(self, label: str) -> None:
        async with self.page.expect_response(lambda answer: "/preview" in answer.url):
            await self.page.get_by_label(label).tap()

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).tap()


class Plain(Mouse):
    """Without scripts: choices are shown on request, and a page is asked for again."""

    async def arrive(self) -> None:
        await self.page.wait_for_load_state()

    async def choose(self, label: str) -> None:
        await self.page.get_by_label(label).check()
        await self.press("Show what these choices give")

    async def see(self, text: str, count: int = 1) -> None:
        async def is_there() -> bool:
            await self._look_again()
            return await self.found(text).count() == count

        await eventually(is_there, 30, text)

    async def _look_again(self) -> None:
        offered = self.page.get_by_role("link", name="Look again")
        await (offered.click() if await offered.count() else self.page.reload())


PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(params=[
    (Mouse, {}), (Keyboard, {}), (Finger, PHONE), (Plain, {"java_script_enabled": False}),
], ids=["mouse", "keyboard", "phone", "no scripts"])  # fmt: skip
def manner(request: pytest.FixtureRequest) -> tuple[type[Mouse], dict[str, object]]:
    """How somebody uses the pages, and in which browser."""
    return request.param  # type: ignore[no-any-return]


class Tables:
    """What the shop's tables say."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    async def figures(self) -> tuple[int, Decimal, str, str]:
        """Orders, what counts, the first and the last day."""
        async with self.sessions() as session:
            found = await run_sql(session, """
                SELECT count(*), COALESCE(sum(order_amount) FILTER (WHERE status = 'completed'), 0),
                       min(order_date)::date::text, max(order_date)::date::text FROM orders
                """)  # fmt: skip
            return tuple(found.one())  # type: ignore[return-value]


@asynccontextmanager
async def somebody(
    browser: Browser, site: Site, manner: tuple[type[Mouse], dict[str, object]]
) -> AsyncGenerator[Mouse]:
    who, context = manner
    async with visit(browser, site, "/dashboard/imports", **context) as page:
        user = who(page)
        await user.arrive()
        yield user


async def test_the_walk_of_a_german_export(
    browser: Browser, empty_site: Site, sessions: Sessions, redis: Redis,
    manner: tuple[type[Mouse], dict[str, object]],
) -> None:  # fmt: skip
    settings, tables = empty_site.settings, Tables(sessions)
    async with (
        running(settings, sessions, redis),
        somebody(browser, empty_site, manner) as user,
    ):
        drop(settings, "November.csv", excel("November", 1, NOVEMBER))
        await user.see("Needs your decision")
        await user.fits()
        await user.follow("November.csv")
        await decide(user)
        await user.see("Imported")
        november = counted(NOVEMBER, "Bezahlt", "Versandt", "Kommission")
        assert await tables.figures() == (6, november, "2025-11-03", "2025-11-30")
        await user.fits()

        await user.follow("All imports")
        drop(settings, "December.csv", excel("December", 7, DECEMBER))
        await user.see("Imported", 2)
        both = november + counted(DECEMBER, "Bezahlt", "Versandt", "Kommission")
        assert await tables.figures() == (9, both, "2025-11-03", "2025-12-31")
        await user.follow("December.csv")
        await user.see("Read as decided for import 1 (November.csv).")

        await user.press("Cancelled: kommission")
        await user.see("The status 'kommission' was changed to cancelled after the import. Orders"
                       " that changed: 1. Files with the same columns are read like this from now"
                       " on.")  # fmt: skip
        assert (await tables.figures())[1] == both - Decimal(1000)
        await user.fits()

        await user.press("Undo")
        await user.see("Undone")
        assert await tables.figures() == (6, november, "2025-11-03", "2025-11-30")
        await user.fits()
    assert empty_site.complaints == []


async def decide(user: Mouse) -> None:
    """Look at what is proposed, choose something else, see what it would give, and import."""
    page = user.page
    assert await page.get_by_label("Not paid yet: it does not count").is_checked()
    first = page.locator("#rows tbody tr").first
    assert await first.locator("td").all_inner_texts() == [
        "4", "1;1001;Müller GmbH;03.11.2025;1.194,88;Bezahlt", "1", "1001", "2025-11-03",
        "1194.88", "completed"]  # fmt: skip
    preview = page.locator("#preview dd")
    proposed = counted(NOVEMBER, "Bezahlt", "Versandt")
    assert await preview.all_inner_texts() == [
        "6, of which 3 do not count (status)", f"{proposed:,} in the shop's currency", "5",
        "3 Nov 2025 to 30 Nov 2025", "0 of 6"]  # fmt: skip
    await user.choose("Completed: the order counts")
    chosen = counted(NOVEMBER, "Bezahlt", "Versandt", "Kommission")
    await expect(preview.nth(1)).to_have_text(f"{chosen:,} in the shop's currency")
    await user.fits()
    await user.press("Import")
