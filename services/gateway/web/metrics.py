"""`GET /metrics` for Prometheus."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from litestar import Response, get
from litestar.datastructures import State
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from gateway.kit.dependencies import SettingsDep
from gateway.operation.metrics_queries import Sample, samples
from rfm_common import __version__
from rfm_common.watched_folder import waiting_names

Family = CounterMetricFamily | GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class Kind:
    """What a metric means, the name of its label if it has one, and whether it only grows."""

    help: str
    label: str = ""
    is_counter: bool = False

    def family(self, name: str) -> Family:
        """One without values."""
        family = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        return family(name, self.help, labels=[self.label] if self.label else [])


KINDS = {
    "rfm_build_info": Kind("The version of this process", "version"),
    "rfm_data_version": Kind("Version of the loaded data"),
    "rfm_database_up": Kind(
        "Whether the database answers; without it, only this process has figures"
    ),
    "rfm_erasures": Kind("Requests to erase a customer by state", "state"),
    "rfm_scored_version": Kind("Version of the data that the scores show"),
    "rfm_version_lag": Kind("Versions that the scores are behind the data"),
    "rfm_version_lag_seconds": Kind("Since when they are behind; 0 when they are not"),
    "rfm_outbox_waiting": Kind("Events that are committed and not on the stream yet"),
    "rfm_imports": Kind("Files in the ledger by state", "state"),
    "rfm_import_rows": Kind("Rows of all files by what became of them", "outcome", is_counter=True),
    "rfm_last_import_rows_per_second": Kind(
        "Speed of the last load, from its first byte to its commit"
    ),
    "rfm_last_import_seconds": Kind("Duration of the last load by step", "step"),
    "rfm_runs": Kind("Scoring runs by state; queued is the depth of the queue", "state"),
    "rfm_last_run_seconds": Kind("Duration of the last finished run by step", "step"),
    "rfm_pending_imports": Kind("Files in the folder that are not loaded yet"),
    "rfm_service_cpu_seconds": Kind(
        "Processor time of the living processes since they started", "service", is_counter=True
    ),
    "rfm_service_heartbeat_seconds": Kind("Since the last sign of life", "service"),
    "rfm_service_resident_bytes": Kind("Memory of the living processes", "service"),
    "rfm_service_up": Kind("Living processes by service", "service"),
    "rfm_sse_clients": Kind("Open event streams of this process"),
    "rfm_webhook_deliveries": Kind("Messages to other programs by state", "state"),
}
PATIENCE = 5
"""Seconds; a database that hangs counts as away."""


@get("/metrics", summary="Figures for Prometheus", tags=["Operation"], media_type="text/plain")
async def metrics(settings: SettingsDep, state: State) -> Response[bytes]:
    """The text format; figures of all services, read from the database at each scrape.

    200 also while the database is away, then with `rfm_database_up 0` and what this process knows.
    """
    waiting = await asyncio.to_thread(waiting_names, settings.input_dir)
    found = [
        *await _from_tables(state),
        Sample(name="rfm_build_info", label=__version__, value=1),
        Sample(name="rfm_pending_imports", label="", value=len(waiting)),
        Sample(name="rfm_sse_clients", label="", value=len(state.live.clients)),
    ]
    content = generate_latest(Families(found)) + generate_latest(state.metrics)
    return Response(content, media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def _from_tables(state: State) -> list[Sample]:
    try:
        async with asyncio.timeout(PATIENCE), state.readers() as session:
            found = await samples(session)
    except (SQLAlchemyError, OSError, TimeoutError):
        return [Sample(name="rfm_database_up", label="", value=0)]
    return [*found, Sample(name="rfm_database_up", label="", value=1)]


class Families(Collector):
    """Samples that were read already, in the library's form."""

    def __init__(self, found: Iterable[Sample]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """A family per metric."""
        families: dict[str, Family] = {}
        for sample in sorted(self._found, key=lambda sample: (sample.name, sample.label)):
            kind = KINDS[sample.name]
            family = families.setdefault(sample.name, kind.family(sample.name))
            family.add_metric([sample.label] if kind.label else [], sample.value)
        yield from families.values()
