"""The state of the product in one answer."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from gateway.kit.schemas import Answer


class Health(Answer):
    """`degraded` while Redis is away: everything works but live refresh; `down` without data."""

    status: Literal["ok", "degraded", "down"]
    database: Literal["ok", "away"]
    redis: Literal["ok", "away"]
    latest_calc_date: datetime | None = None
    total_customers: int = 0
    total_orders: int = 0
    total_clusters: int = 0
    data_version: int = 0
    scored_version: int = 0
    pending_imports: Annotated[int, Meta(description="Files in the folder, not loaded yet")] = 0
    version: Annotated[str | None, Meta(description="Of the gateway")] = None
    data_dir: Annotated[str | None, Meta(description="The watched folder")] = None
