"""The pages under `/dashboard`: HTML made on the server, kept fresh by events."""

from litestar.types import ControllerRouterHandler

ROUTES: list[ControllerRouterHandler] = []
