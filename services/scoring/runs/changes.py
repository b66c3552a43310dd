"""What changed since a published snapshot, told by the ledger: the way to a quick next run.

Features of the same definition and the same calc_date differ only for customers whose orders
changed. The ledger knows those when all that happened were imports that added rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import run_sql
from rfm_common.models import Import, Kind, ScoringRun
from scoring.snapshot.features import Spec
from scoring.snapshot.records import Base


@dataclass(frozen=True, slots=True)
class Additions:
    """A published snapshot, and the imports that did nothing but add to its data."""

    run: ScoringRun
    import_ids: Sequence[int]

    @property
    def id_list(self) -> str:
        """For IN; ids are numbers, and an empty list matches nothing."""
        return ", ".join(map(str, self.import_ids)) or "NULL"

    def base(self, spec: Spec) -> Base | None:
        """The snapshot as a base for new features, if it was measured alike and in full."""
        summary = self.run.summary
        alike = summary.get("definition") == spec.fingerprint()
        if not alike or spec.as_of or summary.get("orders_left_out"):
            return None
        ids = self.id_list
        return Base(
            run_id=self.run.run_id,
            fence=self.run.fence,
            touched=f"SELECT customer_id FROM orders WHERE import_id IN ({ids})"
            f" UNION SELECT customer_id FROM customers WHERE import_id IN ({ids})",
        )


async def additions(
    session: AsyncSession, calc_date: datetime, data_version: int
) -> Additions | None:
    """The snapshot shown for this moment with what was added since; None if more happened."""
    found = await session.exec(
        select(ScoringRun).where(col(ScoringRun.is_current), ScoringRun.calc_date == calc_date)
    )
    run = found.first()
    if run is None or run.data_version is None:
        return None
    imports = await _imports(session, run.data_version, data_version)
    told = {one.data_version for one in imports}
    if told != set(range(run.data_version + 1, data_version + 1)) or not all(
        map(_only_added, imports)
    ):
        return None
    small = sum(one.rows_total for one in imports) <= (run.customers_processed or 0) // 2
    return Additions(run, [one.import_id for one in imports]) if small else None


async def _imports(session: AsyncSession, after: int, until: int) -> Sequence[Import]:
    version = col(Import.data_version)
    found = await session.exec(select(Import).where(version > after, version <= until))
    return found.all()


def _only_added(one: Import) -> bool:
    """Rates change every amount; a changed order may have belonged to somebody else before, and so
    may the orders of customers who are joined."""
    if one.effects.get("joined_anew"):
        return False
    return one.kind is Kind.CUSTOMERS or (one.kind is Kind.ORDERS and one.rows_updated == 0)


async def currency_counts(session: AsyncSession, added: Additions | None) -> dict[str, int]:
    """How many orders name which currency; counted anew only when the ledger does not know."""
    if added is None or "currencies" not in added.run.summary:
        return await _count(session, "currency <> ''")
    fresh = await _count(session, f"currency <> '' AND import_id IN ({added.id_list})")
    return dict(Counter(added.run.summary["currencies"]) + Counter(fresh))


async def _count(session: AsyncSession, condition: str) -> dict[str, int]:
    query = f"SELECT currency, count(*) FROM orders WHERE {condition} GROUP BY currency"
    found = await run_sql(session, query)
    return {row["currency"]: row["count"] for row in found.mappings()}


def commonest(counts: Mapping[str, int]) -> str:
    """The currency of most orders, the first by name of equals; empty when none is named."""
    return min(counts, key=lambda name: (-counts[name], name), default="")
