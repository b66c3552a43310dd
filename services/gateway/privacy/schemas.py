"""Erased customers, without saying who."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.kit.schemas import Answer
from rfm_common.models import ErasureState


class ErasureRow(Answer):
    """One request to remove a person."""

    erasure_id: int
    state: ErasureState
    removed: Annotated[
        dict[str, int], Meta(description="Rows by table, and files, so far; grows until it ends")
    ]
    actor: Annotated[str, Meta(description="Who asked, as in the audit log")]
    requested_at: datetime
    finished_at: datetime | None


class ErasureList(Answer):
    """One page, newest first."""

    page: int
    page_size: int
    total: int
    erasures: list[ErasureRow]
