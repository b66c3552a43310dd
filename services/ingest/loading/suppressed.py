"""Keeping erased people out: the rows of a file without theirs."""

from dataclasses import dataclass, replace

import polars as pl
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.persons import Persons
from ingest.reading.fields import REJECT_SCHEMA
from ingest.reading.mapping import CUSTOMER_EMAIL
from ingest.reading.reader import Batch
from rfm_common.models import Suppression
from rfm_common.pseudonyms import load_pseudonyms
from rfm_common.settings import Settings

REASON = "erased"
MESSAGE = "this customer was erased"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Everybody who was erased so far, known by keyed hashes only."""

    hashes: frozenset[bytes]
    persons: Persons


async def read(session: AsyncSession, settings: Settings) -> Suppressed | None:
    """Who must not come back; None while nobody was erased, which costs one empty query.

    Raises UnavailableError when the key that made the hashes is not at hand.
    """
    rows = (await session.exec(select(Suppression.subject_hash, Suppression.key_id))).all()
    if not rows:
        return None
    pseudonyms = load_pseudonyms(settings, {key_id for _, key_id in rows})
    hashes = frozenset(subject for subject, _ in rows)
    return Suppressed(hashes, Persons(lambda value: pseudonyms.of(value) in hashes))


async def is_outdated(session: AsyncSession, known: Suppressed | None) -> bool:
    """Whether somebody was erased since; ask while no erasure can remove rows."""
    hashes = frozenset((await session.exec(select(Suppression.subject_hash))).all())
    return hashes != (known.hashes if known else frozenset())


def without(batch: Batch, persons: Persons) -> tuple[Batch, list[str]]:
    """The batch with the persons' rows as bare rejects, and the ids of their orders.

    An address of theirs at another id is left out of the row that has it.
    """
    rows, rejects, orders = batch.rows, batch.rejects, []
    if "customer_id" in rows.columns:
        theirs = persons.among(rows["customer_id"])
        gone, rows = rows.filter(theirs), rows.filter(~theirs)
        orders = gone["order_id"].to_list() if "order_id" in gone.columns else []
        rejects = pl.concat([rejects, bare(gone["import_line"])])
    for name in {"email", CUSTOMER_EMAIL} & {*rows.columns}:
        known = persons.among(rows[name])
        rows = rows.with_columns(pl.when(~known).then(pl.col(name)).alias(name))
    left_out = batch.left_out.filter(
        pl.col("line").is_in(rows["import_line"].cast(pl.Int64).implode())
        & ~persons.named_in(batch.left_out["value"])
    )
    return replace(batch, rows=rows, rejects=_blank(rejects, persons), left_out=left_out), orders


def bare(lines: pl.Series) -> pl.DataFrame:
    """Rejects that tell a line and nothing of what stands there."""
    constants = {"outcome": "rejected", "column_name": "customer_id", "value": None,
                 "reason": REASON, "message": MESSAGE, "raw": None}  # fmt: skip
    listed = pl.DataFrame({"line": lines.cast(pl.Int64)})
    return listed.select(
        lines.cast(pl.Int64).alias(name) if name == "line"
        else pl.lit(constants[name], dtype=kind).alias(name)
        for name, kind in REJECT_SCHEMA.items()
    )  # fmt: skip


def _blank(rejects: pl.DataFrame, persons: Persons) -> pl.DataFrame:
    """Rows that were refused for another reason and name one of them."""
    if rejects.is_empty():
        return rejects
    theirs = persons.named_in(rejects["raw"])
    return pl.concat([rejects.filter(~theirs), bare(rejects.filter(theirs)["line"])])
