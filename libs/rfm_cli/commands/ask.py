"""Commands that ask the running product: import, score, export, status."""

import json
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from rfm_cli import remote
from rfm_cli.client import connect
from rfm_cli.history import fill_history
from rfm_common.settings import Settings


def _answers(_context: click.Context, _option: click.Parameter, values: Iterable[str]) -> Any:
    pairs = [value.partition("=") for value in values]
    if wrong := [about for about, equals, _ in pairs if not equals]:
        raise click.BadParameter(f"{wrong[0]!r} is not ABOUT=VALUE")
    return {about.strip(): value.strip() for about, _, value in pairs}


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option(
    "--answer",
    "given",
    multiple=True,
    callback=_answers,
    metavar="ABOUT=VALUE",
    help="Answer a question about a file; may be repeated.",
)
@click.option(
    "--remember", is_flag=True, help="Read files with the same columns like this from now on."
)
def import_files(files: tuple[Path, ...], given: dict[str, str], *, remember: bool) -> None:
    """Import files and report on each.

    If a file can be read in two ways, a terminal asks; without a terminal the file waits and the
    questions are printed. Exit code 1: a file was refused; 3: one is waiting, or was imported in
    part.
    """
    ask = _ask if sys.stdin.isatty() else _tell
    with connect(Settings()) as client:
        with remote.console().status("loading"):
            rows = remote.upload(client, files)
        rows = [remote.settle(client, row, partial(ask, given=given), remember=remember)
                for row in rows]  # fmt: skip
        rows = [remote.with_reasons(client, row) for row in rows]
    remote.console().print(remote.import_table(rows))
    sys.exit(remote.exit_code(rows))


def _ask(row: remote.Json, given: dict[str, str]) -> dict[str, str] | None:
    """The answers of the options, and of the person at the terminal to what they leave open."""
    click.echo(f"{row['file_name']} can be read in more than one way.")
    answers = {}
    for question in row["questions"]:
        about, values = question["about"], remote.allowed(question)
        if given.get(about) in values:
            answers[about] = given[about]
            continue
        click.echo(remote.question_text(question))
        answers[about] = click.prompt(
            "Your answer", type=click.Choice(values), default=question["proposal"]
        )
    return answers


def _tell(row: remote.Json, given: dict[str, str]) -> dict[str, str] | None:
    """The answers of the options; None, and what to pass, where they leave something open."""
    asked = {question["about"]: question for question in row["questions"]}
    if all(given.get(about) in remote.allowed(question) for about, question in asked.items()):
        return {about: given[about] for about in asked}
    click.echo(f"{row['file_name']} waits for a decision, as import {row['import_id']}:", err=True)
    for about, question in asked.items():
        click.echo(remote.question_text(question), err=True)
        click.echo(f"  pass --answer {about}={question['proposal']} or another of them", err=True)
    return None


def _cluster_count(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    if value is None or value == "auto":
        return value
    if not value.isdecimal():
        raise click.BadParameter("a number of clusters, or auto")
    return int(value)


@click.command()
@click.option("--calc-date", help="A date (its end), a date-time, or latest (default: today).")
@click.option("--window-days", type=int, help="Days to look back (default: see rfm settings).")
@click.option(
    "--k", callback=_cluster_count, help="Number of clusters, or auto (default: see rfm settings)."
)
@click.option("--history", type=click.Choice(["monthly"]), help="Fill in past months instead.")
@click.option("--months", type=click.IntRange(1, 120), help="How many months (default: 24).")
@click.option("--delete", metavar="DATE", help="Delete the snapshot of that date instead.")
def score(history: str | None, months: int | None, delete: str | None, **options: Any) -> None:
    """Score now, fill in past months, or delete a snapshot.

    Exit code 3: some months have scores and others do not.
    """
    body = {name: value for name, value in options.items() if value is not None}
    if delete:
        _delete_snapshot(delete, alone=not (body or history or months))
    elif history:
        _score_history(months, body)
    elif months:
        raise click.UsageError("--months goes with --history monthly")
    else:
        _score_now(body)


def _delete_snapshot(date: str, *, alone: bool) -> None:
    if not alone:
        raise click.UsageError("--delete takes no other option")
    with connect(Settings()) as client:
        found = remote.segments(client, date)
        remote.delete_snapshot(client, found["run_id"])
    click.echo(f"deleted the snapshot as of {found['calc_date']} (run {found['run_id']})")


def _score_history(months: int | None, body: remote.Json) -> None:
    if body:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in body)
        raise click.UsageError(f"--history takes the newest snapshot's model: without {named}")
    with connect(Settings()) as client:
        sys.exit(fill_history(client, months))


def _score_now(body: remote.Json) -> None:
    with connect(Settings()) as client:
        run_id = remote.request_run(client, body)["run_id"]
        run = _show_progress(remote.follow_run(client, run_id))
        found = remote.segments(client, run["calc_date"])
    if replaced := run["replaced"]:
        click.echo(f"note: {replaced['message']}", err=True)
    for warning in run["warnings"]:
        click.echo(f"warning: {warning['message']}", err=True)
    remote.console().print(remote.segment_table(found))


def _show_progress(states: Iterable[remote.Json]) -> remote.Json:
    run: remote.Json = {}
    with Progress(console=remote.console(), transient=True) as bar:
        task = bar.add_task("queued", total=100)
        for run in states:
            progress = run["progress"]
            bar.update(task, description=progress.get("step") or run["status"],
                       completed=float(progress.get("percent") or 0))  # fmt: skip
    return run


@click.command()
@click.argument("segment")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to FILE instead of stdout.",
)
@click.option("--changes-since", metavar="DATE", help="Export who joined and who left since DATE.")
def export(segment: str, out: Path | None, changes_since: str | None) -> None:
    """Export the customers of a segment, or all, as CSV."""
    with connect(Settings()) as client:
        if out:
            remote.export_file(client, segment, out, changes_since)
        else:
            remote.export(client, segment, sys.stdout.buffer, changes_since)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Show version, health and backlog.

    Exit code 1 unless everything works.
    """
    with connect(Settings()) as client:
        found = remote.health(client)
        url = str(client.base_url)
    if as_json:
        click.echo(json.dumps({"url": url, **found}, indent=2))
    else:
        remote.console().print(remote.health_table(url, found))
    sys.exit(found.get("status") != "ok")
