"""The REST calls."""

from litestar import Router
from litestar.di import Provide

from gateway.api import webhooks
from gateway.api.audit import audit_log
from gateway.api.backfill import backfill
from gateway.api.countries import countries
from gateway.api.customers import customer, customers, orders, provide_customer, provide_narrowed
from gateway.api.demo import demo, load_demo
from gateway.api.erasures import erase, erasures, lift_erasure, one_erasure
from gateway.api.events import events
from gateway.api.exports import export_segment
from gateway.api.health import health, ready
from gateway.api.imports import imports, one_import, rejects, upload
from gateway.api.login import login_link
from gateway.api.metrics import metrics
from gateway.api.migrations import migrations, movers
from gateway.api.pictures import in_space, interactive, plot, plotly_script
from gateway.api.runs import cancel, one_run, run_pipeline, runs
from gateway.api.segments import segment_customers, segments
from gateway.api.snapshots import snapshots
from gateway.dependencies import READS

ROUTES = [
    Router(
        "/",
        route_handlers=[
            health, ready, metrics, snapshots, segments, segment_customers, countries,
            customers, customer, orders, erase, erasures, one_erasure, lift_erasure,
            run_pipeline, backfill, runs, one_run, cancel, migrations, movers,
            imports, one_import, rejects, upload, load_demo, demo,
            export_segment, events, login_link, plot, interactive, in_space, plotly_script,
            audit_log, *webhooks.ROUTES,
        ],
        dependencies={
            **READS,
            "narrowed": Provide(provide_narrowed),
            "customer": Provide(provide_customer),
        },
    )
]  # fmt: skip
