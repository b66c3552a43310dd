"""`GET /metrics` for Prometheus."""

import asyncio
from itertools import groupby

from litestar import Response, get
from litestar.datastructures import State

from gateway.dependencies import SessionDep, SettingsDep
from gateway.folder import waiting_files
from gateway.queries.metrics import Sample, samples

HELP = {
    "rfm_data_version": "Version of the loaded data; the lag behind it is data minus scored",
    "rfm_scored_version": "Version of the data that the scores show",
    "rfm_outbox_waiting": "Events that are committed and not on the stream yet",
    "rfm_imports": "Files in the ledger by state",
    "rfm_import_rows": "Rows of all files by what became of them",
    "rfm_runs": "Scoring runs by state",
    "rfm_last_run_seconds": "Duration of the last finished run by step",
    "rfm_pending_imports": "Files in the folder that are not loaded yet",
    "rfm_sse_clients": "Open event streams of this process",
}


@get("/metrics", summary="Figures for Prometheus", tags=["Operation"], media_type="text/plain")
async def metrics(session: SessionDep, settings: SettingsDep, state: State) -> Response[str]:
    """The text format; figures of all services, read from the database at each scrape."""
    waiting = await asyncio.to_thread(waiting_files, settings.input_dir)
    found = [
        *await samples(session),
        Sample(name="rfm_pending_imports", label="", value=len(waiting)),
        Sample(name="rfm_sse_clients", label="", value=len(state.live.clients)),
    ]
    return Response(rendered(found), media_type="text/plain; version=0.0.4")


def rendered(found: list[Sample]) -> str:
    """One block per metric, as the format wants it."""
    lines = []
    for name, group in groupby(sorted(found, key=lambda s: s.name), key=lambda s: s.name):
        lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge"]
        lines += [f"{name}{{{s.label}}} {s.value:.15g}" if s.label else f"{name} {s.value:.15g}"
                  for s in group]  # fmt: skip
    return "\n".join([*lines, ""])
