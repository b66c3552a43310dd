"""Commands that start the product or a part of it: up, demo."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from rfm_cli import remote
from rfm_cli.client import connect
from rfm_cli.commands.options import data_dir, settings_of, state_dir
from rfm_cli.demo import drop_demo, sell
from rfm_cli.stack import OnReady, Stack, with_port
from rfm_cli.state import StateFolder
from rfm_common.logs import configure_logging
from rfm_common.settings import Settings
from rfm_common.words import some

_port = click.option(
    "--port", "api_port", type=int, help="Port (default: API_PORT, or 8701); 0 picks a free one."
)


@click.command()
@_port
@data_dir
@state_dir
def up(**options: Any) -> None:
    """Start RFM in the foreground; Ctrl-C stops it."""
    settings = settings_of(options)
    _run_stack(settings, partial(_announce, settings))


async def _announce(settings: Settings, url: str) -> None:
    """Say where it is and, to a person at a terminal, how to get in; a log gets no secret."""
    click.echo(f"RFM runs at {url} (Ctrl-C stops it)")
    if sys.stdout.isatty() and (link := await _first_link(settings, url)):
        click.echo(f"Log in once, within 15 minutes: {link}")


async def _first_link(settings: Settings, url: str) -> str | None:
    # Not loaded at the top: it takes as long as starting the servers.
    from rfm_cli.entrance import first_link  # noqa: PLC0415

    return await first_link(settings, url)


def _run_stack(settings: Settings, on_ready: OnReady) -> None:
    """Run the product in the foreground, until a signal."""
    configure_logging("rfm", settings.log_level, settings.log_format)
    with StateFolder(settings.state_dir).held():
        asyncio.run(Stack(with_port(settings), on_ready).run())


@click.command()
@_port
@data_dir
@state_dir
@click.option("--live", is_flag=True, help="Keep adding a small file of orders every 20 seconds.")
@click.option("--remove", is_flag=True, help="Delete the demo data from the running product.")
def demo(*, live: bool, remove: bool, **options: Any) -> None:
    """Start RFM with a generated shop.

    It has 5,000 customers and 60,000 orders in three currencies. If RFM is already running, the
    shop is dropped into its folder.
    """
    settings = settings_of(options)
    if remove:
        _remove_demo(settings)
    elif running := StateFolder(settings.state_dir).running():
        already = partial(_already, running.url)
        asyncio.run(_drop(settings, Path(running.input_dir), already, live=live))
    else:
        _run_stack(settings, partial(_announce_and_drop, settings, live=live))


async def _announce_and_drop(settings: Settings, url: str, *, live: bool) -> None:
    await _drop(settings, settings.input_dir, partial(_announce, settings, url), live=live)


async def _already(url: str) -> None:
    click.echo(f"RFM runs already at {url}")


async def _drop(
    settings: Settings, folder: Path, then: Callable[[], Awaitable[None]], *, live: bool
) -> None:
    """Drop the shop, do what comes `then`, and with `live` go on selling."""

    def shop_time() -> datetime:
        return datetime.now(settings.zone).replace(tzinfo=None)

    known = await drop_demo(folder, shop_time, click.echo)
    await then()
    if live:
        await sell(folder, known, shop_time, click.echo)


def _remove_demo(settings: Settings) -> None:
    with connect(settings) as client:
        removed = remote.remove_demo(client)
    counts = f"{some(removed['customers'], 'customer')} and {some(removed['orders'], 'order')}"
    click.echo(f"removed {counts} of the demo shop")
