"""`DELETE /demo`: leave the generated shop behind."""

from litestar import delete

from gateway.demo import remove_demo
from gateway.dependencies import RedisDep, SessionsDep, SettingsDep
from gateway.jobs import ring
from gateway.schemas.imports import DemoRemoved


@delete("/demo", summary="Remove the demo data", tags=["Imports"], status_code=200)
async def demo(settings: SettingsDep, sessions: SessionsDep, redis: RedisDep) -> DemoRemoved:
    """Customers, orders and rates of demo files; your own stay. A new run follows by itself."""
    removed = await remove_demo(sessions, settings)
    await ring(sessions, redis)
    return removed
