"""Customers: filtered lists, and one with history and orders."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.queries import rows
from gateway.queries.rows import Page, money
from gateway.queries.segments import CUSTOMER_COLUMNS, customer_tables
from gateway.schemas.common import Answer, Snapshot
from gateway.schemas.customers import CustomerScores, OrderRow
from gateway.schemas.segments import CustomerRow
from rfm_common.settings import Settings

SortKey = Literal[
    "customer_id", "-customer_id", "monetary", "-monetary",
    "frequency", "-frequency", "recency_days", "-recency_days",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFilter:
    """What a list is narrowed to; None does not narrow."""

    segment_name: str | None = None
    cluster_id: int | None = None
    country: str | None = None
    r_score: int | None = None
    f_score: int | None = None
    m_score: int | None = None
    fm_score: int | None = None
    """Mean of the frequency and monetary scores, halves rounded up: a row of the 5x5 grid."""
    q: str | None = None
    """Part of the id or of the e-mail address, in any case."""

    @property
    def narrows_by_statistics(self) -> bool:
        """Whether the segment statistics can tell how many pass."""
        return all(
            value is None
            for value in (
                self.country,
                self.r_score,
                self.f_score,
                self.m_score,
                self.fm_score,
                self.q,
            )
        )

    def where(self) -> tuple[str, dict[str, Any]]:
        """The SQL condition and its values."""
        columns = {
            "segment_name": "c.segment_name", "cluster_id": "c.cluster_id",
            "country": "u.country", "r_score": "f.r_score", "f_score": "f.f_score",
            "m_score": "f.m_score", "fm_score": "(f.f_score + f.m_score + 1) / 2",
        }  # fmt: skip
        values = {name: getattr(self, name) for name in columns}
        values = {name: value for name, value in values.items() if value is not None}
        conditions = [f"{columns[name]} = :{name}" for name in values]
        if self.q:
            conditions.append("(u.customer_id ILIKE :pattern OR u.email ILIKE :pattern)")
            values["pattern"] = f"%{_escaped(self.q)}%"
        return " AND ".join(["true", *conditions]), values

    def tables(self, snapshot: Snapshot) -> str:
        """FROM clause with no more tables than the condition needs: each costs a whole join."""
        joined = f" FROM {snapshot.features} f"
        if self.segment_name is not None or self.cluster_id is not None:
            joined += f" JOIN {snapshot.assignments} c USING (customer_id)"
        if self.country is not None or self.q is not None:
            joined += " JOIN customers u USING (customer_id)"
        return joined


def _escaped(text: str) -> str:
    """Take the special meaning from the characters of LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


class CustomerRecord(Answer):
    """The row of `customers`."""

    customer_id: str
    email: str | None
    country: str | None
    created_at: datetime | None


async def customer_page(
    session: AsyncSession,
    snapshot: Snapshot,
    narrowed: CustomerFilter,
    sort: SortKey,
    page: Page,
) -> list[CustomerRow]:
    """One page of the customers that pass; equal sort values are in order of id."""
    condition, values = narrowed.where()
    direction = "DESC" if sort.startswith("-") else "ASC"
    order = f"ORDER BY f.{sort.lstrip('-')} {direction}, f.customer_id"
    wanted = (
        f"SELECT f.customer_id {narrowed.tables(snapshot)} WHERE {condition} {order}"
        " LIMIT :size OFFSET :skip"
    )
    return await rows.many(
        session,
        CustomerRow,
        f"SELECT {CUSTOMER_COLUMNS} {customer_tables(snapshot)}"
        f" JOIN ({wanted}) AS wanted USING (customer_id) {order}",
        **page.window,
        **values,
    )


async def count_customers(
    session: AsyncSession, snapshot: Snapshot, narrowed: CustomerFilter
) -> int:
    """How many pass; from the statistics where these suffice."""
    condition, values = narrowed.where()
    if narrowed.narrows_by_statistics:
        statement = (
            "SELECT coalesce(sum(customer_count), 0)::bigint FROM segment_stats c"
            f" WHERE run_id = :run_id AND {condition}"
        )
        return int(await rows.scalar(session, statement, run_id=snapshot.run_id, **values))
    statement = f"SELECT count(*) {narrowed.tables(snapshot)} WHERE {condition}"
    return int(await rows.scalar(session, statement, **values))


async def find_customer(session: AsyncSession, customer_id: str) -> CustomerRecord | None:
    """The customer's own data."""
    return await rows.one(
        session,
        CustomerRecord,
        "SELECT customer_id, email, country, created_at FROM customers"
        " WHERE customer_id = :customer_id",
        customer_id=customer_id,
    )


async def customer_history(session: AsyncSession, customer_id: str) -> list[CustomerScores]:
    """Where the customer stood in every snapshot, newest first."""
    return await rows.many(
        session,
        CustomerScores,
        f"""
        SELECT r.calc_date, r.run_id, f.recency_days, f.frequency,
               {money("f.monetary")} AS monetary, f.r_score, f.f_score, f.m_score,
               c.segment_name, c.cluster_id
        FROM rfm_features f
        JOIN customer_clusters c USING (customer_id, calc_date)
        JOIN scoring_runs r ON r.calc_date = f.calc_date AND r.is_current
        WHERE f.customer_id = :customer_id ORDER BY r.calc_date DESC""",
        customer_id=customer_id,
    )


async def cluster_score(
    session: AsyncSession, snapshot: Snapshot, customer_id: str
) -> dict[str, Any]:
    """Centroid of the customer's cluster and the distances to it and to the next one."""
    score: dict[str, Any] | None = await rows.scalar(
        session,
        f"SELECT cluster_score FROM {snapshot.assignments} WHERE customer_id = :customer_id",
        customer_id=customer_id,
    )
    return score or {}


async def customer_orders(
    session: AsyncSession,
    settings: Settings,
    customer_id: str,
    snapshot: Snapshot | None,
    page: Page,
) -> list[OrderRow]:
    """One page of the customer's orders, newest first; without a snapshot none is counted."""
    return await rows.many(
        session,
        OrderRow,
        f"""
        SELECT order_id, order_date, {money("order_amount")} AS order_amount, currency, status,
               status = ANY(:counted) AND order_date <= CAST(:calc_date AS timestamptz)
               AND order_date >= CAST(:calc_date AS timestamptz) - make_interval(days => :days)
               AS is_counted
        FROM orders WHERE customer_id = :customer_id
        ORDER BY order_date DESC, order_id LIMIT :size OFFSET :skip""",
        customer_id=customer_id,
        counted=sorted(settings.counted_statuses) if snapshot else [],
        calc_date=snapshot.calc_date if snapshot else datetime.fromisoformat("2000-01-01T00Z"),
        days=snapshot.window_days if snapshot else 1,
        **page.window,
    )


async def count_orders(session: AsyncSession, customer_id: str) -> int:
    """How many orders the customer has, counted or not."""
    return int(
        await rows.scalar(
            session,
            "SELECT count(*) FROM orders WHERE customer_id = :customer_id",
            customer_id=customer_id,
        )
    )
