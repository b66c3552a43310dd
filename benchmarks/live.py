"""How long an open page takes to show what an event tells of: from publishing to changed DOM.

    python -m benchmarks.live --events 100

Starts private servers, the real gateway and Chromium, keeps a page open, and for each event
writes the new rows, publishes, and waits for the page to show them. An event comes when the page
has been quiet for a while, as most do; in a burst a page loads anew twice a second at most.
The target is a p95 of 250 ms; the exit code is 1 where it is missed.
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Page, async_playwright
from redis.asyncio import Redis
from tests.e2e.conftest import CHROMIUM, is_live, serve
from tests.e2e.screenshots import shop_servers
from tests.shop import open_shop, score

from gateway.kit.assets import fetch_all
from rfm_common.bus import open_redis, publish
from rfm_common.db import Sessions, open_sessions, run_sql
from rfm_common.events import Event, ImportFinished, RunFinished
from rfm_common.settings import Settings

TARGET_MS = 250
QUIET_SECONDS = 0.6
"""Longer than the page's throttle."""
WATCH = """selector => {
  window.shown = new Promise(done => {
    const look = () => {
      if (!document.querySelector(selector)) return;
      observer.disconnect();
      done(performance.timeOrigin + performance.now());
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, attributes: true });
    look();
  });
}"""


@dataclass(frozen=True)
class Case:
    """A page, and how to make something new for it: the event, and what the page then has."""

    name: str
    path: str
    change: Callable[[Sessions, int], Awaitable[tuple[Event, str]]]


async def new_file(sessions: Sessions, number: int) -> tuple[Event, str]:
    async with sessions() as session, session.begin():
        rows = await run_sql(
            session,
            "INSERT INTO imports (file_name, kind, state, sha256, size_bytes, rows_total,"
            " rows_new, finished_at) VALUES (:name, 'orders', 'loaded', :name, 900, 9, 9, now())"
            " RETURNING import_id",
            name=f"live-{number}.csv",
        )
        import_id = rows.scalar_one()
    event = ImportFinished(import_id=import_id, file_name=f"live-{number}.csv", rows_new=9)
    return event, f"a[href='/dashboard/imports/{import_id}']"


async def new_scores(sessions: Sessions, number: int) -> tuple[Event, str]:
    run_id = await score(sessions)
    event = RunFinished(run_id=run_id, customers=120, clusters=5)
    return event, f"[data-chart*='run={run_id}']"


CASES = (
    Case("a file, on the imports page", "/dashboard/imports", new_file),
    Case("new scores, on the overview", "/dashboard", new_scores),
)


async def measure(
    page: Page, sessions: Sessions, redis: Redis, case: Case, count: int
) -> list[float]:
    """Milliseconds from before publishing to the changed page, for each event."""
    found = []
    for number in range(count):
        event, selector = await case.change(sessions, number)
        await page.evaluate(WATCH, selector)
        await asyncio.sleep(QUIET_SECONDS)
        published = time.time() * 1000
        await publish(redis, event)
        found.append(await page.evaluate("window.shown") - published)
    return found


def report(name: str, found: list[float]) -> bool:
    """Print a line; whether the target is met."""
    p95 = statistics.quantiles(found, n=20)[-1]
    print(
        f"{name}: {len(found)} events, p50 {statistics.median(found):.0f} ms, p95 {p95:.0f} ms,"
        f" most {max(found):.0f} ms (target: p95 under {TARGET_MS} ms)"
    )
    return p95 < TARGET_MS


async def run(folder: Path, count: int) -> bool:
    state = folder / "state"
    await fetch_all(Settings(_env_file=None, state_dir=state, cdn="off"))
    is_met = True
    async with (
        async_playwright() as playwright,
        shop_servers(folder) as settings,
        open_sessions(settings, "benchmark") as sessions,
        open_redis(settings, "benchmark") as redis,
        serve(settings, state) as site,
    ):
        await open_shop(sessions)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for case in CASES:
            page = await browser.new_page()
            await page.goto(f"{site.url}{case.path}")
            await is_live(page)
            is_met &= report(case.name, await measure(page, sessions, redis, case, count))
            await page.close()
        await browser.close()
    return is_met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100)
    folder = Path(tempfile.mkdtemp(prefix="rfm-live-"))
    folder.chmod(0o755)
    try:
        return 0 if asyncio.run(run(folder, parser.parse_args().events)) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
