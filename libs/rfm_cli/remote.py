"""What the commands ask of the running product, and how they show its answers."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import click
import httpx
from rich.console import Console
from rich.table import Table

from rfm_cli.client import RefusedError, answer, checked
from rfm_common.appearing import appearing
from rfm_common.words import some

_POLL = 0.25
_WITHOUT_SCORES = {"failed", "cancelled"}
_ENDED = {"finished", *_WITHOUT_SCORES}
_REASONS = 3
"""Of rejected rows, how many a table names."""

_WITHOUT_OUTLOOK = (
    "note: what customers are expected to buy is not computed yet for these scores, so its columns"
    " are empty; export again in some seconds"
)

Json = dict[str, Any]


def request_run(client: httpx.Client, body: Json) -> Json:
    """Ask for a scoring run; returns it as it was accepted."""
    accepted: Json = answer(client.post("/pipeline/run", json=body))
    return accepted


def request_backfill(client: httpx.Client, body: Json) -> Json:
    """Ask for snapshots of past months; returns `runs`, oldest first, and `message`."""
    accepted: Json = answer(client.post("/pipeline/backfill", json=body))
    return accepted


def watch_run(client: httpx.Client, run_id: int) -> Iterator[Json]:
    """The run again and again until it has ended, in whatever way."""
    while True:
        run: Json = answer(client.get(f"/runs/{run_id}"))
        yield run
        if run["status"] in _ENDED:
            return
        time.sleep(_POLL)


def follow_run(client: httpx.Client, run_id: int) -> Iterator[Json]:
    """The same; raises when it ended without scores."""
    for run in watch_run(client, run_id):
        yield run
        if reason := why_not(run):
            raise RefusedError(f"run {run_id} {reason}")


def why_not(run: Json) -> str | None:
    """Why a run ended without scores; None when it has some, or may get some yet."""
    if run["status"] not in _WITHOUT_SCORES:
        return None
    return f"{run['status']}: {run['error'] or 'no reason given'}"


def count_snapshots(client: httpx.Client) -> int:
    """How many dates have scores."""
    return len(answer(client.get("/snapshots"))["snapshots"])


def segments(client: httpx.Client, calc_date: str | None) -> Json:
    """The segments of a date, None meaning the newest."""
    found: Json = answer(client.get("/segments", params={"calc_date": calc_date or "latest"}))
    return found


def delete_snapshot(client: httpx.Client, run_id: int) -> None:
    """Delete the snapshot that a run published."""
    checked(client.delete(f"/snapshots/{run_id}"))


def segment_table(found: Json) -> Table:
    """A row per segment and cluster."""
    currency = found.get("base_currency") or "money"
    table = Table(title=f"Segments as of {found['calc_date']}")
    table.add_column("Segment")
    for heading in (
        "Cluster", "Customers", "Share", "Days since", "Orders", f"Mean {currency}", "Of revenue",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for row in found["segments"]:
        table.add_row(
            row["segment_name"], str(row["cluster_id"]), f"{row['customer_count']:,}",
            f"{row['customer_share']:.1%}", f"{row['avg_recency_days']:.0f}",
            f"{row['avg_frequency']:.1f}", f"{row['avg_monetary']:,.2f}",
            f"{row['monetary_share']:.1%}",
        )  # fmt: skip
    return table


def upload(client: httpx.Client, paths: tuple[Path, ...]) -> list[Json]:
    """Put the files into the watched folder and wait until each has its final state."""
    with ExitStack() as stack:
        files = [("files", (path.name, stack.enter_context(path.open("rb")))) for path in paths]
        rows: list[Json] = answer(client.post("/imports", files=files, timeout=None))["imports"]
    wanted = {"import_id": [row["import_id"] for row in rows]}
    while any(row["state"] == "reading" for row in rows):
        time.sleep(_POLL)
        rows = answer(client.get("/imports", params=wanted))["imports"]
    return rows


Answer = Callable[[Json], dict[str, str] | None]
"""Answers the questions of an import, or leaves it waiting."""


def settle(client: httpx.Client, row: Json, decide: Answer, *, remember: bool) -> Json:
    """Decide about a file as often as it asks; what became of it.

    The same bytes wait once: a copy of a file that waits is decided there.
    """
    if row["state"] == "duplicate":
        row = _first_copy(client, row)
    while row["state"] == "needs_decision":
        path = f"/imports/{row['import_id']}"
        row = answer(client.get(path))
        answers = decide(row)
        if answers is None:
            return row
        body = {"answers": answers, "remember": remember}
        answer(client.post(f"{path}/decision", json=body))
        while (row := answer(client.get(path)))["state"] == "reading":
            time.sleep(_POLL)
    return row


def _first_copy(client: httpx.Client, row: Json) -> Json:
    """The import that a duplicate is a copy of while that one waits; else the duplicate."""
    copy = answer(client.get(f"/imports/{row['import_id']}"))
    first: Json = answer(client.get(f"/imports/{copy['duplicate_of']}"))
    return first if first["state"] == "needs_decision" else row


def allowed(question: Json) -> list[str]:
    """The values of a question's choices."""
    return [choice["value"] for choice in question["choices"]]


def question_text(question: Json) -> str:
    """The question, what was found, and the choices, one a line."""
    lines = [question["text"], f"  found: {question['found']}"]
    lines += [
        f"  {choice['value']}: {choice['label']}"
        + (" (proposed)" if choice["value"] == question["proposal"] else "")
        for choice in question["choices"]
    ]
    return "\n".join(lines)


def exit_code(rows: list[Json]) -> int:
    """1: a file was refused; 3: one waits or was loaded in part; 0: all is well."""
    states = {row["state"] for row in rows}
    if "quarantined" in states:
        return 1
    return 3 if states & {"needs_decision", "loaded_with_rejects"} else 0


def with_reasons(client: httpx.Client, row: Json) -> Json:
    """The import; one without a message that has rejected rows gets one that says why."""
    if row["message"] or not row["rows_rejected"]:
        return row
    groups = answer(client.get(f"/imports/{row['import_id']}"))["reject_groups"]
    return row | {"message": "; ".join(map(reject_text, groups[:_REASONS]))}


def reject_text(group: Json) -> str:
    """Why some rows were rejected, with the first of them."""
    column = f" in {group['column_name']}" if group["column_name"] else ""
    example = f" ({group['example']!r})" if group["example"] else ""
    reason = group["reason"].replace("_", " ")
    return (
        f"{some(group['rows'], 'row')}: {reason}{column}, first line {group['first_line']}{example}"
    )


def import_table(rows: list[Json]) -> Table:
    """What became of each file."""
    table = Table()
    for heading in ("File", "State"):
        table.add_column(heading)
    for heading in ("Rows", "New", "Updated", "Unchanged", "Rejected"):
        table.add_column(heading, justify="right")
    table.add_column("Why")
    for row in sorted(rows, key=lambda row: row["import_id"]):
        counts = (f"{row[f'rows_{name}']:,}" for name in
                  ("total", "new", "updated", "unchanged", "rejected"))  # fmt: skip
        state = row["state"].replace("_", " ")
        table.add_row(row["file_name"], state, *counts, row["message"] or "")
    return table


def export(client: httpx.Client, segment: str, sink: IO[bytes], since: str | None = None) -> None:
    """Copy the segment's CSV into `sink`, or its changes since a date; raises when it broke off."""
    params = {"mode": "changes", "since": since} if since else {}
    path = f"/export/segments/{quote(segment, safe='')}"
    with client.stream("GET", path, params=params) as response:
        checked(response)
        if response.headers.get("x-outlook") == "computing":
            click.echo(_WITHOUT_OUTLOOK, err=True)
        for chunk in response.iter_bytes():
            sink.write(chunk)


def export_file(client: httpx.Client, segment: str, path: Path, since: str | None = None) -> None:
    """The same into a file of this user's alone, which appears only when it is complete."""
    with appearing(path, replace=True) as sink:
        export(client, segment, sink, since)


def health(client: httpx.Client) -> Json:
    """The product's state; also when it says that something is away."""
    found: Json = client.get("/health").json()
    return found


def health_table(url: str, found: Json) -> Table:
    """The state as two columns."""
    table = Table(title=f"RFM at {url}", show_header=False)
    for name, value in found.items():
        table.add_row(
            name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value)
        )
    return table


def remove_demo(client: httpx.Client) -> Json:
    """Take the demo shop out of the product; returns what was removed."""
    removed: Json = answer(client.delete("/demo"))
    return removed


def console() -> Console:
    """Standard output; wide enough for the tables when it is a file or a pipe."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=140)
