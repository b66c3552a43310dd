"""A small file, read as ingest reads it, without a server."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import dedent
from typing import Any

import polars as pl

from ingest.reading.questions import Question
from ingest.reading.reader import Layout, Options, batches, plan
from ingest.reading.survey import survey

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Read:
    """What became of the file."""

    layout: Layout
    rows: pl.DataFrame
    rejects: pl.DataFrame
    mended: list[tuple[str, int]]

    @property
    def questions(self) -> dict[str, Question]:
        """What it asks, by key."""
        return {question.about: question for question in self.layout.questions}

    @property
    def told(self) -> list[dict[str, str]]:
        """What was decided without asking."""
        told: list[dict[str, str]] = self.layout.notes["told"]
        return told


def read(content: str | bytes, name: str = "file.csv", **options: Any) -> Read:
    """Read it whole; text is dedented and encoded in UTF-8. `options` are those of the reader."""
    raw = content if isinstance(content, bytes) else dedent(content).lstrip("\n").encode()
    file = io.BytesIO(raw)
    layout = plan(file, name, survey(file), Options(**{"now": NOW, **options}))
    found = list(batches(file, layout))
    return Read(
        layout,
        pl.concat([batch.rows for batch in found], how="vertical_relaxed"),
        pl.concat([batch.rejects for batch in found]),
        [mended for batch in found for mended in batch.mended],
    )
