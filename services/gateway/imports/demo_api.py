"""`POST /demo` puts a generated shop in, `DELETE /demo` leaves it behind."""

from litestar import delete, post

from gateway.imports.demo import drop_demo, remove_demo
from gateway.imports.schemas import DemoRemoved, UploadAnswer
from gateway.kit.dependencies import RedisDep, SessionsDep, SettingsDep
from gateway.runs.requests import ring


@post("/demo", summary="Load demo data", tags=["Imports"], status_code=202)
async def load_demo(settings: SettingsDep) -> UploadAnswer:
    """About 5,000 customers and 60,000 orders in three currencies, as files in the folder."""
    return await drop_demo(settings)


@delete("/demo", summary="Remove the demo data", tags=["Imports"], status_code=200)
async def demo(settings: SettingsDep, sessions: SessionsDep, redis: RedisDep) -> DemoRemoved:
    """Customers, orders and rates of demo files; your own stay. A new run follows by itself."""
    removed = await remove_demo(sessions, settings)
    await ring(sessions, redis)
    return removed
