"""The documentation does what it says: the tour from its first block to its last, and then every
other command that a page shows, on what the tour has left."""

import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import click
import pytest
import yaml

from rfm_cli.main import main
from rfm_cli.processes import free_port
from rfm_common.settings import Settings
from tests.e2e.terminal import ROOT, Terminal, blocks, environment
from tests.integration.cli.supervised import open_folder

TOUR = ROOT / "docs/tour.md"
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{name}.md" for name in (
    "operation", "reliability", "security", "webhooks")))  # fmt: skip
TO_THE_FIRST_SCHEMA = """
import asyncio
from alembic import command
from rfm_cli.database import reach
from rfm_common.schema import alembic_config
from rfm_common.settings import Settings
with reach(Settings()) as settings:
    command.downgrade(alembic_config(settings), "0001")
"""


@pytest.fixture
def terminal(settings: Settings) -> Generator[Terminal]:
    """In a folder that looks like a checkout, beside servers of one's own."""
    folder = open_folder("rfm-tour-")
    for name in ("Makefile", "tools", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "first_schema.py").write_text(TO_THE_FIRST_SCHEMA)
    port, receiver = str(free_port()), str(free_port())
    words = {
        "8701": port, "8799": receiver, "https://example.com/": f"http://127.0.0.1:{receiver}/",
        "source .venv/bin/activate": f"PATH={Path(sys.executable).parent}:$PATH",
        # A new version: the data is given the first schema that was ever released.
        "git pull": f"{sys.executable} first_schema.py",
        "redis://redis.example:6379/0": settings.redis_url.get_secret_value(),
        "db.example:5432": f"{settings.db_host}:{settings.db_port}",
        "db.example": settings.db_host, "DB_PORT=5432": f"DB_PORT={settings.db_port}",
        "DB_NAME=rfm": f"DB_NAME={settings.db_name}", "DB_USER=rfm": f"DB_USER={settings.db_user}",
        "DB_PASSWORD=secret": f"DB_PASSWORD={settings.db_password.get_secret_value()}",
    }  # fmt: skip
    opened = Terminal(folder, environment(API_PORT=port), words)
    yield opened
    opened.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_command_does_what_the_pages_say(terminal: Terminal) -> None:
    for block in blocks(TOUR.read_text()):
        terminal.do(block)
    for command in commands():
        if not is_elsewhere(command, terminal):
            code, said = terminal.run(terminal.translated(harmless(command)))
            assert code == 0, f"{command}\n{said}"
            assert '"status":4' not in said, f"{command}\n{said}"
            terminal.commands.append(command)
    assert used(terminal.commands) == set(main.list_commands(click.Context(main)))  # type: ignore[attr-defined]


def commands() -> list[str]:
    """Each command of the pages, on one line."""
    texts = [(ROOT / page).read_text() for page in PAGES]
    shown = [block.command or "" for text in texts for block in blocks(text)]
    lines = "".join(shown).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines]


def is_elsewhere(command: str, terminal: Terminal) -> bool:
    """What the tour did already, or what only its own tools can check."""
    match command.split():
        case ["make", task, *_]:
            subprocess.run(["make", "--dry-run", task], cwd=ROOT, check=True, capture_output=True)
        case ["docker", "compose", *words]:
            assert services() & set(words)
        case ["rfm", "restore" as name, *_]:
            assert any(line.startswith(f"rfm {name} ") for line in terminal.commands)
        case _:
            return False
    return True


def services() -> set[str]:
    return set(yaml.safe_load((ROOT / "compose.yaml").read_text())["services"])


def harmless(command: str) -> str:
    """The command as it is, but for a question, and for a name that no machine here has."""
    if command.startswith("rfm erase"):
        return f"{command} --yes"
    return command.replace("shop.example", "localhost")


def used(lines: list[str]) -> set[str]:
    text = "\n".join(lines).replace("make demo", "rfm demo")
    return set(re.findall(r"\brfm ([a-z]+)", text)) & set(main.list_commands(click.Context(main)))  # type: ignore[attr-defined]
