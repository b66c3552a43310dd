"""Attempts that are tests already: they need settings, doubles of DNS, or altered archives."""

import asyncio
import sys
from pathlib import Path
from xml.etree import ElementTree

from tests.attack.table import Table
from tests.attack.target import Target

ROOT = Path(__file__).parents[2]
TESTS = {
    "webhooks: redirects, and names that lead elsewhere by now": (
        "integration/gateway_api/test_webhooks.py::test_redirects_are_not_followed",
        "unit/gateway_api/test_webhooks.py",
    ),
    "backups: missing, altered, added, newer, with commands": ("unit/cli/test_archive.py",),
    "folders: links, files and folders of other users": (
        "unit/cli/test_folders.py", "unit/cli/test_users.py", "unit/test_watched_folder.py",
    ),
    "uploads: a name taken meanwhile, a full disk": ("unit/gateway_api/test_publishing.py",),
    "servers: without the password, as the superuser": ("integration/cli/test_servers.py",),
    "folder: a file that gets ingest killed": ("integration/ingest/test_poison.py",),
    "wire: slow and endless heads and bodies": ("integration/gateway_api/test_wire.py",),
}  # fmt: skip


async def attack(target: Target, table: Table) -> None:
    """One process runs them all."""
    report = target.stack.folder / "proven.xml"
    files = [f"tests/{name}" for names in TESTS.values() for name in names]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-n", "0", f"--junitxml={report}", *files,
        cwd=ROOT, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await process.wait()
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    for what, names in TESTS.items():
        mine = [case for case in cases if _is_of(case, names)]
        table.add(what, "passed", [(str(case.get("name")), _outcome(case)) for case in mine],
                  lambda _, outcome: outcome in {"passed", "skipped"})  # fmt: skip


def _is_of(case: ElementTree.Element, names: tuple[str, ...]) -> bool:
    module = str(case.get("classname"))
    for name in names:
        path, _, test = name.partition("::")
        if module == f"tests.{path.removesuffix('.py').replace('/', '.')}":
            return not test or str(case.get("name")).partition("[")[0] == test
    return False


def _outcome(case: ElementTree.Element) -> str:
    bad = [part.tag for part in case if part.tag in {"failure", "error", "skipped"}]
    return bad[0] if bad else "passed"
