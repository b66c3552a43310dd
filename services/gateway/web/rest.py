"""The REST calls."""

from typing import Any

from litestar import Request, Router
from litestar.di import Provide

from gateway.charts.api import in_space, interactive, plot, plotly_script
from gateway.cohorts.api import cohorts, cohorts_workbook
from gateway.customers import exclusion
from gateway.customers.api import (
    customer,
    customers,
    orders,
    provide_customer,
    provide_narrowed,
    segment_customers,
)
from gateway.customers.bounds import provide_bounds
from gateway.exports.api import export_segment
from gateway.imports import changes_api, decisions_api
from gateway.imports.api import imports, one_import, rejects, upload
from gateway.imports.demo_api import demo, load_demo
from gateway.kit.dependencies import READS
from gateway.migrations.api import migrations, movers
from gateway.models import api as models
from gateway.operation.audit import audit_log
from gateway.operation.health import health, ready
from gateway.privacy.api import erase, erasures, lift_erasure, one_erasure
from gateway.quiet.api import going_quiet
from gateway.runs.api import cancel, one_run, run_pipeline, runs
from gateway.runs.backfill import backfill
from gateway.runs.snapshots import remove_snapshot, snapshots
from gateway.segments.api import segments
from gateway.segments.countries import countries
from gateway.settings import api as settings
from gateway.values.api import trust
from gateway.web.events import events
from gateway.web.login_api import login_link
from gateway.web.metrics import metrics
from gateway.web.negotiation import acceptable
from gateway.web.parameters import known_only
from gateway.webhooks import api as webhooks


async def admitted(request: Request[Any, Any, Any]) -> None:
    """Refuse what a call does not have: a query parameter, or a type of answer."""
    await known_only(request)
    acceptable(request)


ROUTES = [
    Router(
        "/",
        route_handlers=[
            health, ready, metrics, snapshots, segments, segment_customers, countries,
            customers, customer, orders, erase, erasures, one_erasure, lift_erasure,
            run_pipeline, backfill, runs, one_run, cancel, migrations, movers,
            imports, one_import, rejects, upload, load_demo, demo,
            export_segment, events, login_link, plot, interactive, in_space, plotly_script,
            going_quiet, trust, cohorts, cohorts_workbook, audit_log, remove_snapshot,
            *webhooks.ROUTES, *decisions_api.ROUTES, *changes_api.ROUTES, *exclusion.ROUTES,
            *models.ROUTES, *settings.ROUTES,
        ],
        before_request=admitted,
        dependencies={
            **READS,
            "narrowed": Provide(provide_narrowed),
            "bounds": Provide(provide_bounds, sync_to_thread=False),
            "customer": Provide(provide_customer),
        },
    )
]  # fmt: skip
