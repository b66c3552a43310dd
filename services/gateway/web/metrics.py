"""`GET /metrics` for Prometheus."""

import asyncio
from collections.abc import Iterator
from itertools import groupby

from litestar import Response, get
from litestar.datastructures import State
from sqlalchemy.exc import SQLAlchemyError

from gateway.kit.dependencies import SettingsDep
from gateway.operation.metrics_queries import Sample, samples
from gateway.web.edge import NAME, Latencies
from rfm_common.watched_folder import waiting_names

HELP = {
    "rfm_data_version": "Version of the loaded data",
    "rfm_database_up": "Whether the database answers; without it, only this process has figures",
    "rfm_erasures": "Requests to erase a customer by state",
    "rfm_scored_version": "Version of the data that the scores show",
    "rfm_version_lag": "Versions that the scores are behind the data",
    "rfm_version_lag_seconds": "Since when they are behind; 0 when they are not",
    "rfm_outbox_waiting": "Events that are committed and not on the stream yet",
    "rfm_imports": "Files in the ledger by state",
    "rfm_import_rows": "Rows of all files by what became of them",
    "rfm_last_import_rows_per_second": "Speed of the last load, from its first byte to its commit",
    "rfm_last_import_seconds": "Duration of the last load by step",
    "rfm_runs": "Scoring runs by state; queued is the depth of the queue",
    "rfm_last_run_seconds": "Duration of the last finished run by step",
    "rfm_pending_imports": "Files in the folder that are not loaded yet",
    "rfm_service_cpu_seconds": "Processor time of the living processes since they started",
    "rfm_service_heartbeat_seconds": "Since the last sign of life",
    "rfm_service_resident_bytes": "Memory of the living processes",
    "rfm_service_up": "Living processes by service",
    "rfm_sse_clients": "Open event streams of this process",
    "rfm_webhook_deliveries": "Messages to other programs by state",
}
PATIENCE = 5
"""Seconds; a database that hangs counts as away."""


@get("/metrics", summary="Figures for Prometheus", tags=["Operation"], media_type="text/plain")
async def metrics(settings: SettingsDep, state: State) -> Response[str]:
    """The text format; figures of all services, read from the database at each scrape.

    200 also while the database is away, then with `rfm_database_up 0` and what this process knows.
    """
    waiting = await asyncio.to_thread(waiting_names, settings.input_dir)
    found = [
        *await _from_tables(state),
        Sample(name="rfm_pending_imports", label="", value=len(waiting)),
        Sample(name="rfm_sse_clients", label="", value=len(state.live.clients)),
    ]
    lines = [*_gauges(found), *_histogram(state.latencies), ""]
    return Response("\n".join(lines), media_type="text/plain; version=0.0.4")


async def _from_tables(state: State) -> list[Sample]:
    try:
        async with asyncio.timeout(PATIENCE), state.readers() as session:
            found = await samples(session)
    except (SQLAlchemyError, OSError, TimeoutError):
        return [Sample(name="rfm_database_up", label="", value=0)]
    return [*found, Sample(name="rfm_database_up", label="", value=1)]


def _gauges(found: list[Sample]) -> Iterator[str]:
    """One block per metric, as the format wants it."""
    for name, group in groupby(sorted(found, key=lambda s: s.name), key=lambda s: s.name):
        yield f"# HELP {name} {HELP[name]}"
        yield f"# TYPE {name} gauge"
        for sample in group:
            label = f"{{{sample.label}}}" if sample.label else ""
            yield f"{name}{label} {sample.value:.15g}"


def _histogram(latencies: Latencies) -> Iterator[str]:
    yield f"# HELP {NAME} Seconds until the answer begins, by method, route and status"
    yield f"# TYPE {NAME} histogram"
    yield from latencies.lines()
