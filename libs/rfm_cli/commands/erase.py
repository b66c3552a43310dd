"""`rfm erase`: remove a person from everything that is kept."""

import asyncio
import time
from typing import Any
from urllib.parse import quote

import click
import httpx

from rfm_cli.client import UnreachableError, answer, connect
from rfm_cli.commands.options import data_dir, settings_of, state_dir
from rfm_cli.database import reach
from rfm_common.db import open_sessions
from rfm_common.erasure import erase_now
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

_POLL = 0.25
_PATIENCE = 60.0
"""Seconds that files may take; a process that is not there takes longer."""
_LATER = "files and events follow as soon as ingest runs"

Counts = dict[str, int]


@click.command()
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--unknown", is_flag=True, help="Also an id that is in no table.")
@state_dir
@data_dir
def erase(customer: str, *, yes: bool, unknown: bool, **options: Any) -> None:
    """Permanently erase a customer, given by id.

    Deletes the customer from tables, files, lists and events. If RFM is not running, the files
    follow at its next start. An id that no customer has is refused, because it may be a typing
    error; --unknown erases a person whom only files name, and keeps the id out of later files.
    """
    settings = settings_of(options)
    if not yes:
        click.confirm(f"Permanently erase {customer} and everything about them?", abort=True)
    try:
        with connect(settings) as client:
            removed, has_ended = _ask(client, customer, unknown=unknown)
    except UnreachableError:
        with reach(settings) as reached:
            removed = asyncio.run(_erase_alone(reached, customer, unknown=unknown))
            has_ended = False
    click.echo(_in_words(removed) + ("" if has_ended else f"; {_LATER}"))


def _ask(client: httpx.Client, customer: str, *, unknown: bool) -> tuple[Counts, bool]:
    """What the product removed, and whether it is done."""
    asked = {"unknown": "true"} if unknown else {}
    found = answer(client.delete(f"/customers/{quote(customer, safe='')}", params=asked))
    deadline = time.monotonic() + _PATIENCE
    while found["state"] != "finished" and time.monotonic() < deadline:
        time.sleep(_POLL)
        found = answer(client.get(f"/erasures/{found['erasure_id']}"))
    return found["removed"], found["state"] == "finished"


async def _erase_alone(settings: Settings, customer: str, *, unknown: bool) -> Counts:
    await upgrade(settings)
    async with open_sessions(settings, "erase") as sessions:
        erasure = await erase_now(sessions, settings, customer, "cli", unknown=unknown)
    return erasure.removed


def _in_words(removed: Counts) -> str:
    if not removed:
        return "nothing of this customer was in the tables"
    counts = (f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(removed.items()))
    return "removed " + ", ".join(counts)
