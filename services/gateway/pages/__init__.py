"""The pages under `/dashboard`: HTML made on the server, kept fresh by events."""

from litestar import Router
from litestar.di import Provide

from gateway.assets import vendor
from gateway.pages.charts import chart
from gateway.pages.frame import provide_frame, provide_numbers
from gateway.pages.jobs import jobs, news
from gateway.pages.overview import overview, overview_body

ROUTES = [
    Router(
        "/dashboard",
        route_handlers=[overview, overview_body, jobs, news, chart],
        dependencies={
            "numbers": Provide(provide_numbers, sync_to_thread=False),
            "frame": Provide(provide_frame),
        },
        include_in_schema=False,
    ),
    vendor,
]
