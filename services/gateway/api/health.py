"""`GET /health`."""

from litestar import get


@get("/health")
async def health() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}
