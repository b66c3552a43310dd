"""The pages under `/dashboard`: HTML made on the server, kept fresh by events."""

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from gateway.assets import vendor
from gateway.pages.charts import chart, timeline
from gateway.pages.clusters import clusters
from gateway.pages.customer import customer
from gateway.pages.customers import customers, provide_asked
from gateway.pages.days import provide_compare, provide_day
from gateway.pages.frame import provide_frame, provide_numbers
from gateway.pages.help import help_page, report
from gateway.pages.imports import imports, one_import
from gateway.pages.jobs import jobs, news
from gateway.pages.login import log_in, log_out, login_page
from gateway.pages.migrations import migrations
from gateway.pages.overview import overview
from gateway.pages.problem import HANDLERS
from gateway.pages.runs import one_run, runs
from gateway.pages.scripts import page_script
from gateway.pages.segments import segment, segments

ROUTES: list[ControllerRouterHandler] = [
    Router(
        "/dashboard",
        route_handlers=[
            overview,
            segments,
            segment,
            customers,
            customer,
            timeline,
            imports,
            one_import,
            runs,
            one_run,
            migrations,
            clusters,
            help_page,
            report,
            jobs,
            news,
            chart,
            page_script,
        ],
        dependencies={
            "numbers": Provide(provide_numbers, sync_to_thread=False),
            "frame": Provide(provide_frame),
            "day": Provide(provide_day, sync_to_thread=False),
            "compare": Provide(provide_compare, sync_to_thread=False),
            "asked": Provide(provide_asked, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        include_in_schema=False,
    ),
    vendor,
    login_page,
    log_in,
    log_out,
]
