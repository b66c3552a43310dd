"""Bytes of any format, read as ingest reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import polars as pl

from ingest.reading.containers.source import opened_source
from ingest.reading.reader import Options, batches
from tests.unit.ingest.reading.reading import NOW
from tests.unit.ingest.reading.reading import Read as ReadText

HEADER = ("order_id", "customer_id", "order_date", "order_amount")
CSV = (
    b"order_id,customer_id,order_date,order_amount\nO1,C1,2024-01-10,5.00\nO2,C2,2024-01-11,7.50\n"
)


@dataclass(frozen=True, slots=True)
class Read(ReadText):
    """What became of the file."""

    text: str
    """As the reader saw it."""
    sha256: str

    @property
    def ids(self) -> list[str]:
        return cast("list[str]", self.rows["order_id"].to_list())

    @property
    def sentences(self) -> list[str]:
        return [told["text"] for told in self.told]


def read(content: bytes, answers: Mapping[str, str] | None = None, **options: int) -> Read:
    with TemporaryFile() as file:
        file.write(content)
        settings = Options(answers=answers or {}, now=NOW, **options)  # type: ignore[arg-type]
        with opened_source(cast("BinaryIO", file), settings) as source:
            planned = source.planned("file.csv", settings)
            found = list(batches(planned.file, planned.layout))
            planned.file.seek(0)
            return Read(
                planned.layout,
                pl.concat([batch.rows for batch in found], how="vertical_relaxed"),
                pl.concat([batch.rejects for batch in found]),
                [mended for batch in found for mended in batch.mended],
                planned.file.read().decode(),
                source.sha256,
            )
