"""`rfm score --history`: asking for the past, and watching it being filled in."""

from collections.abc import Iterator

import click
import httpx
from rich.progress import Progress

from rfm_cli import remote


def fill_history(client: httpx.Client, months: int | None) -> int:
    """Fill in past months and say what there is then.

    None leaves their number to the product. Returns the exit code: 0 when all were scored, 1 when
    none was, 3 when some were.
    """
    accepted = remote.request_backfill(client, {"months": months} if months else {})
    click.echo(accepted["message"])
    failures = list(_failures(client, accepted["runs"]))
    for failure in failures:
        click.echo(failure, err=True)
    click.echo(f"snapshots: {remote.count_snapshots(client):,}")
    if not failures:
        return 0
    return 1 if len(failures) == len(accepted["runs"]) else 3


def _failures(client: httpx.Client, queued: list[remote.Json]) -> Iterator[str]:
    """Show a bar until each of the runs has ended; yields what went wrong with which month."""
    out = remote.console()
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("queued", total=len(queued))
        for done, run in enumerate(queued):
            month = run["calc_date"][:7]
            for state in remote.watch_run(client, run["run_id"]):
                progress = state["progress"]
                step = progress.get("step") or state["status"]
                part = float(progress.get("percent") or 0) / 100
                bar.update(task, description=f"{month}: {step}", completed=done + part)
            if reason := remote.why_not(state):
                yield f"{month}: run {run['run_id']} {reason}"
