"""What Lighthouse says of three pages over 100,000 customers, as desktop and as phone.

    python -m benchmarks.lighthouse --customers 100000

Starts private servers and the real gateway; Lighthouse comes with npm and drives Chromium.
Prints a line per page and screen; the targets are 95 for performance and 100 for accessibility
and best practices.
The exit code is 1 where one is missed. Run it on a quiet machine.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.e2e.conftest import CHROMIUM, serve
from tests.e2e.screenshots import shop_servers
from tests.shop import CALC_DATE, add_imports, add_orders, score

from gateway.kit.assets import fetch_all
from rfm_common.db import open_sessions
from rfm_common.settings import Settings

LIGHTHOUSE = ("npx", "--yes", "-p", "node@22", "-p", "lighthouse@13.5.0", "lighthouse")
TARGETS = {"performance": 95, "accessibility": 100, "best-practices": 100}
METRICS = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time",
           "cumulative-layout-shift")  # fmt: skip
PAGES = ("/dashboard", "/dashboard/segments/champions", "/dashboard/customers")
RUNS = {
    "performance": ("--blocked-url-patterns=*/events*",),
    "accessibility,best-practices": ("--max-wait-for-load=8000",),
}
"""The open stream of events keeps the clock running; blocked, it is an error on the console."""
PRESETS = {"desktop": ("--preset=desktop",), "mobile": ()}
"""The phone is what Lighthouse takes when it is asked for nothing."""


def judge(url: str, preset: str, report: Path) -> dict[str, Any]:
    """All categories of one page; raises CalledProcessError when Lighthouse or Chromium fails."""
    found: dict[str, Any] = {"categories": {}, "audits": {}}
    for categories, how in RUNS.items():
        options = (*PRESETS[preset], *how, f"--only-categories={categories}")
        part = _run(url, options, report)
        for name in found:
            found[name] |= part[name]
    return found


def _run(url: str, options: tuple[str, ...], report: Path) -> dict[str, Any]:
    subprocess.run(
        [
            *LIGHTHOUSE, url, *options, "--quiet", "--no-enable-error-reporting",
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu"
            " --disable-background-networking",
            "--output=json", f"--output-path={report}",
        ],
        check=True, timeout=300, env=os.environ | {"CHROME_PATH": str(CHROMIUM)},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    part: dict[str, Any] = json.loads(report.read_text())
    return part


def show(path: str, preset: str, found: dict[str, Any]) -> bool:
    """Print a line; whether all targets are met."""
    scores = {name: round(100 * found["categories"][name]["score"]) for name in TARGETS}
    figures = "  ".join(found["audits"][name]["displayValue"] for name in METRICS)
    print(f"{path:32} {preset:8} {'/'.join(map(str, scores.values())):12} {figures}", flush=True)
    missed = [
        audit["title"]
        for name, value in scores.items()
        if value < TARGETS[name]
        for ref in found["categories"][name]["auditRefs"]
        if (audit := found["audits"][ref["id"]])["score"] is not None and audit["score"] < 0.9
    ]
    if missed:
        print(f"    below: {'; '.join(missed)}", flush=True)
    return all(scores[name] >= target for name, target in TARGETS.items())


async def run(folder: Path, customers: int) -> bool:
    state = folder / "state"
    await fetch_all(Settings(_env_file=None, state_dir=state, cdn="off"))
    async with (
        shop_servers(folder) as settings,
        open_sessions(settings, "benchmark") as sessions,
        serve(settings, state) as site,
    ):
        await add_orders(sessions, customers)
        await add_imports(sessions)
        for days in (60, 30, 0):
            await score(sessions, CALC_DATE - timedelta(days=days))
        print(f"{'page':32} {'preset':8} {'perf/a11y/bp':12} FCP  LCP  TBT  CLS", flush=True)
        met = [
            show(
                path, preset, await asyncio.to_thread(judge, site.url + path, preset, folder / "lh")
            )
            for path in PAGES
            for preset in PRESETS
        ]
    return all(met)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    folder = Path(tempfile.mkdtemp(prefix="rfm-lighthouse-"))
    folder.chmod(0o755)
    try:
        return 0 if asyncio.run(run(folder, parser.parse_args().customers)) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
