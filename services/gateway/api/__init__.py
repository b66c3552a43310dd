"""The REST calls."""

from gateway.api.health import health

ROUTES = [health]
