"""Lists of customers: narrowed, in any order, page by page, with how many there are in all."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.counts import count
from gateway.customers.filters import EVERYONE, Condition, CustomerFilter, SortKey, condition
from gateway.customers.search import MANY, Found, found_by
from gateway.kit import rows
from gateway.kit.outlook import require_outlook
from gateway.kit.rows import Page
from gateway.kit.schemas import Snapshot
from gateway.segments.queries import customer_columns, customer_tables
from gateway.segments.schemas import CustomerRow
from rfm_common.errors import NotFoundError
from rfm_common.snapshots import SORTABLE, sortable

BEST_FIRST: SortKey = "-monetary"
DEEP = 20_000
"""Rows beyond which a page is found from that end of the list which is nearer."""
FIRST_PAGE = Page()
FIRST = 2_000
"""Customers of an order of all that are asked whether they are in a segment."""
SOON = 100
"""Rows that are found fastest by asking customers in their order whether a common text fits."""
EVERYBODY = Found(EVERYONE, is_many=False)


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list, in which order: a page, counted from behind `after` if given.

    Downwards equal values are in order of id; upwards is the exact reverse.
    """

    sort: SortKey = BEST_FIRST
    page: Page = FIRST_PAGE
    after: str | None = None
    """A customer's id."""
    in_segment: bool = False
    """Of a list that is narrowed to a segment, which has an index in order of money."""

    @property
    def key(self) -> str:
        """The figure that decides, or the id."""
        return self.sort.lstrip("-")

    @property
    def is_down(self) -> bool:
        """Largest first."""
        return self.sort.startswith("-")

    @property
    def table(self) -> str:
        """That has the figure."""
        if self.key == "monetary" and self.in_segment:
            return "c"
        return "v" if self.key in SORTABLE else "f"

    @property
    def figure(self) -> str:
        """SQL: what is sorted by."""
        if self.table == "c":
            return f"c.sort_{self.key}"
        return sortable(f"v.{self.key}") if self.table == "v" else f"f.{self.key}"

    @property
    def order(self) -> str:
        """As the indexes are, forwards or backwards."""
        return self._by(self.figure)

    @property
    def reverse_order(self) -> str:
        """From the other end."""
        return self._by(self.figure, backwards=True)

    @property
    def unindexed_order(self) -> str:
        """The same, in words that no index knows."""
        return self._by(f"{self.figure} + 0")

    def _by(self, figure: str, *, backwards: bool = False) -> str:
        is_down = self.is_down is not backwards
        first, then = ("DESC", "ASC") if is_down else ("ASC", "DESC")
        if self.key == "customer_id":
            return f"ORDER BY customer_id {first}"
        return f"ORDER BY {figure} {first}, customer_id {then}"


class Listed(NamedTuple):
    """One page, and how many customers pass."""

    customers: list[CustomerRow]
    total: int
    is_more: bool = False
    """Whether `total` is only what was found before counting was given up."""


NOBODY = Listed([], 0)


async def list_customers(
    session: AsyncSession, snapshot: Snapshot, narrowed: CustomerFilter, window: Window,
    *, count_all: bool = True,
) -> Listed:  # fmt: skip
    """The wanted part of the customers that pass.

    Without `count_all` the many that a short text finds are not counted to the end, which takes
    longer than all the rest. Raises NotFoundError when the one to begin behind is not in the
    snapshot, ConflictError where figures that are not computed yet decide.
    """
    if needs_outlook(narrowed, window):
        require_outlook(snapshot)
    narrowed = await _placed(session, snapshot, narrowed)
    window = replace(window, in_segment=narrowed.segment_name is not None)
    text = await found_by(session, narrowed.q) if narrowed.q else EVERYBODY
    beyond = await _beyond(session, snapshot, window) if window.after else EVERYONE
    is_more = text.is_many and not count_all
    total = MANY if is_more else await _total(session, snapshot, narrowed, text)
    if window.page.skip >= total and not is_more:
        return Listed([], total)
    shown = text.soon() if window.page.skip + window.page.size <= SOON else text.condition
    wanted = condition(narrowed).and_also(shown).and_also(beyond)
    known = None if is_more or window.after else total
    return Listed(await _page(session, snapshot, wanted, window, known), total, is_more)


def needs_outlook(narrowed: CustomerFilter, window: Window) -> bool:
    """Whether figures of what is expected decide who is listed, or where."""
    return bool(narrowed.bounds) or window.table == "v"


async def _total(
    session: AsyncSession, snapshot: Snapshot, narrowed: CustomerFilter, text: Found
) -> int:
    passing = None
    if narrowed.q or narrowed.bounds:
        passing = condition(narrowed).and_also(text.condition)
    return await count(session, snapshot, narrowed, passing)


async def _placed(
    session: AsyncSession, snapshot: Snapshot, narrowed: CustomerFilter
) -> CustomerFilter:
    """With the segment of the cluster, which has an index in order of money."""
    if narrowed.cluster_id is None or narrowed.segment_name is not None:
        return narrowed
    name = await rows.scalar(
        session,
        "SELECT segment_name FROM segment_stats WHERE run_id = :run AND cluster_id = :cluster",
        run=snapshot.run_id,
        cluster=narrowed.cluster_id,
    )
    return replace(narrowed, segment_name=name)


async def _beyond(session: AsyncSession, snapshot: Snapshot, window: Window) -> Condition:
    after = window.after
    place = Condition("customer_id = :id", {"id": after})
    value = await rows.scalar(
        session, f"SELECT {window.figure} {place.source(snapshot, window.table)}", **place.values
    )
    if value is None:
        raise NotFoundError(f"no customer {after!r} in this snapshot", field="after")
    further, later = ("<", ">") if window.is_down else (">", "<")
    if window.key == "customer_id":
        return Condition(f"customer_id {further} :after", {"after": after})
    return Condition(
        f"{window.figure} {further}= :value"
        f" AND ({window.figure} {further} :value OR customer_id {later} :after)",
        {"value": value, "after": after},
    )


async def _page(
    session: AsyncSession, snapshot: Snapshot, wanted: Condition, window: Window, total: int | None
) -> list[CustomerRow]:
    """`total` is how many pass, if that is known."""
    if window.table == "v" and "c" in wanted.tables:
        return await _page_of_segment(session, snapshot, wanted, window)
    order, size, skip = window.order, window.page.size, window.page.skip
    if total is not None and DEEP < skip > total // 2:
        order, size = window.reverse_order, min(size, total - skip)
        skip = total - skip - size
    chosen = f"{wanted.source(snapshot, window.table)} {order} LIMIT {size:d} OFFSET {skip:d}"
    return await _rows(session, snapshot, chosen, wanted, window)


async def _page_of_segment(
    session: AsyncSession, snapshot: Snapshot, wanted: Condition, window: Window
) -> list[CustomerRow]:
    """From the first of the order, where a segment with much to come is; else from all at once.

    Left to itself, the server would ask each customer of the order in turn: it cannot know that
    those of a segment are all at the far end.
    """
    first = f"(SELECT * FROM {{0.values}} v {window.order} LIMIT {FIRST})"
    ends = f"LIMIT {window.page.size:d} OFFSET {window.page.skip:d}"
    chosen = f"{wanted.source(snapshot, 'v', first)} {window.order} {ends}"
    found = await _rows(session, snapshot, chosen, wanted, window)
    if len(found) == window.page.size:
        return found
    chosen = f"{wanted.source(snapshot, 'v')} {window.unindexed_order} {ends}"
    return await _rows(session, snapshot, chosen, wanted, window)


async def _rows(
    session: AsyncSession, snapshot: Snapshot, chosen: str, wanted: Condition, window: Window
) -> list[CustomerRow]:
    """The customers that are chosen FROM somewhere, in order."""
    return await rows.many(
        session,
        CustomerRow,
        f"{customer_columns(snapshot)} {customer_tables(snapshot)}"
        f" JOIN (SELECT customer_id {chosen}) AS chosen USING (customer_id) {window.order}",
        **wanted.values,
    )
