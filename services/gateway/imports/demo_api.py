"""`POST /demo` puts a generated shop in, `DELETE /demo` leaves it behind."""

from litestar import delete, post

from gateway.imports.demo import drop_demo, remove_demo
from gateway.imports.schemas import DemoRemoved, Dropped
from gateway.kit.dependencies import ActorDep, RedisDep, SessionsDep, SettingsDep
from gateway.runs.requests import ring
from gateway.runs.snapshots import remove_all_of_nobody


@post("/demo", summary="Load demo data", tags=["Imports"], status_code=202)
async def load_demo(settings: SettingsDep) -> Dropped:
    """About 5,000 customers and 60,000 orders in three currencies, as files in the folder."""
    return await drop_demo(settings)


@delete("/demo", summary="Remove the demo data", tags=["Imports"], status_code=200)
async def demo(
    settings: SettingsDep, sessions: SessionsDep, redis: RedisDep, actor: ActorDep
) -> DemoRemoved:
    """Customers, orders and rates of demo files; your own stay. A new run follows by itself.

    Where no customer is left, the snapshots go, too.
    """
    removed = await remove_demo(sessions, settings)
    if removed.data_version is not None:
        await remove_all_of_nobody(sessions, actor)
    await ring(sessions, redis)
    return removed
