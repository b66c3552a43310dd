"""What PostgreSQL copies out, as a frame."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import polars as pl


def read_rows(csv: bytes, schema: Mapping[Any, Any]) -> pl.DataFrame:
    """Rows of a query: without a header, and an empty text is not NULL."""
    if not csv:
        return pl.DataFrame(schema=dict(schema))
    return pl.read_csv(
        BytesIO(csv), has_header=False, schema=dict(schema), empty_string_is_null=False
    )
