"""The pages under `/dashboard`: HTML made on the server, kept fresh by events."""

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from gateway.charts.page import chart, timeline
from gateway.clusters.page import clusters
from gateway.cohorts.page import cohorts
from gateway.connect.page import connect
from gateway.customers.exclusion import excluded_page, switch
from gateway.customers.page import customers, provide_asked
from gateway.customers.profile import customer
from gateway.imports.decisions_page import decide, preview_part
from gateway.imports.page import imports, one_import, undo, upload
from gateway.imports.profiles_page import change, one_profile, profiles
from gateway.imports.statuses_page import change_statuses
from gateway.kit.assets import vendor
from gateway.kit.days import provide_compare, provide_day
from gateway.kit.frame import provide_frame, provide_numbers
from gateway.migrations.page import migrations
from gateway.models import page as models
from gateway.operation.page import help_page, report
from gateway.operation.selfcheck import run_selfcheck, selfcheck_page
from gateway.overview.jobs import jobs, news
from gateway.overview.page import overview
from gateway.quiet.page import going_quiet
from gateway.runs.page import one_run, rescore, runs
from gateway.segments.page import segment, segments
from gateway.settings.page import save_settings, settings_page
from gateway.values.page import trust_figure, trust_page
from gateway.web.login import log_in, log_out, login_page
from gateway.web.problem import HANDLERS
from gateway.web.scripts import page_script

ROUTES: list[ControllerRouterHandler] = [
    Router(
        "/dashboard",
        route_handlers=[
            overview,
            going_quiet,
            trust_page,
            trust_figure,
            cohorts,
            segments,
            segment,
            customers,
            customer,
            switch,
            excluded_page,
            timeline,
            imports,
            one_import,
            undo,
            upload,
            change_statuses,
            runs,
            one_run,
            rescore,
            settings_page,
            save_settings,
            migrations,
            clusters,
            models.one_model,
            models.decide,
            models.proposed,
            help_page,
            connect,
            report,
            selfcheck_page,
            run_selfcheck,
            jobs,
            news,
            chart,
            page_script,
            preview_part,
            decide,
            profiles,
            one_profile,
            change,
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
