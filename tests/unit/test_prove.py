"""The checker of `make prove`: silent about a shop that is right, and not about one that is not."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.prove.checker import Found, check
from tests.prove.deliver import Deliveries
from tests.prove.files import Dropped, Maker, Tables
from tests.prove.readers import Seen
from tests.unit.scoring import oracle

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)


class Shop:
    """Forty files, and the database that a product without faults would have after them."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.maker = Maker(random.Random(5), today=NOW.date())
        self.deliveries = Deliveries(surely=list(islice(self.maker.files(), 40)))
        self.seen = Seen(told=set(range(1, 41)))
        self.found = self._load()

    def _load(self) -> Found:
        paper, loaded, rows, rejects = Tables(), set(), [], Counter[int]()
        for number, dropped in enumerate(self.deliveries.surely, 1):
            state, new = "quarantined", 0
            if dropped.kind:
                state = "duplicate" if dropped.sha256 in loaded else "loaded"
            if state == "loaded":
                before = (len(paper.orders), len(paper.rates))
                paper.accept(dropped)
                new = len(paper.orders) - before[0] + len(paper.rates) - before[1]
                loaded.add(dropped.sha256)
                rejects[number] = dropped.rejected
            rows.append(self._row(number, dropped, state, new, len(loaded)))
        scored = oracle.snapshot(
            paper.customers, [oracle.OracleOrder(*row[1:]) for row in paper.orders.values()], NOW,
            rates=[(key[0], key[1], rate) for key, rate in paper.rates.items()],
        ).customers  # fmt: skip
        return Found(
            imports=rows, customers=dict(paper.customers), orders=dict(paper.orders),
            rates=dict(paper.rates), rejects=rejects, versions=(len(loaded), len(loaded)),
            open_runs=0, unpublished=0,
            run=SimpleNamespace(calc_date=NOW, window_days=365, data_version=len(loaded)),
            scores={key: (one.recency_days, one.frequency, one.monetary, one.r_score, one.f_score,
                          one.m_score) for key, one in scored.items()},
            clusters=Counter(scored.keys()),
        )  # fmt: skip

    def _row(
        self, number: int, dropped: Dropped, state: str, new: int, version: int
    ) -> SimpleNamespace:
        place = "quarantine" if state == "quarantined" else "archive"
        path = self.data_dir / place / f"{number}-{dropped.name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dropped.content)
        total = len(dropped.rows) + dropped.rejected if state == "loaded" else 0
        return SimpleNamespace(
            import_id=number, file_name=dropped.name, state=state, kind=dropped.kind, reason=None,
            sha256=dropped.sha256 if dropped.kind else None, data_version=version,
            rows_total=total, rows_new=new, rows_updated=0, rows_superseded=0,
            rows_rejected=dropped.rejected if state == "loaded" else 0,
            rows_unchanged=total - new - dropped.rejected if state == "loaded" else 0,
            stored_path=f"{place}/{path.name}", finished_at=NOW,
        )  # fmt: skip

    def findings(self) -> list[str]:
        return check(self.found, self.deliveries, self.seen, self.data_dir)

    def a_load(self, kind: str = "orders") -> SimpleNamespace:
        return next(row for row in self.found.imports if (row.state, row.kind) == ("loaded", kind))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_shop_that_is_right_gives_no_finding(shop: Shop) -> None:
    states = {row.state for row in shop.found.imports}
    assert states == {"loaded", "duplicate", "quarantined"}
    assert shop.findings() == []


def test_an_upload_without_an_answer_may_have_arrived_or_not(shop: Shop) -> None:
    unsure = Dropped("perhaps.csv", b"email,nothing\n", None)
    shop.deliveries.perhaps += [unsure, shop.deliveries.surely.pop()]
    assert shop.findings() == []


def lose_a_row(shop: Shop) -> None:
    del shop.found.orders[min(shop.found.orders)]


def change_an_amount(shop: Shop) -> None:
    key = min(shop.found.orders)
    row = shop.found.orders[key]
    shop.found.orders[key] = (*row[:3], row[3] + 1, *row[4:])


def load_twice(shop: Shop) -> None:
    row = next(row for row in shop.found.imports if row.state == "duplicate")
    row.state, row.data_version = "loaded", 99


def forget_a_file(shop: Shop) -> None:
    shop.found.imports.remove(shop.a_load())  # type: ignore[attr-defined]


def leave_a_file_undecided(shop: Shop) -> None:
    shop.a_load().state = "reading"


def guess_at_a_damaged_file(shop: Shop) -> None:
    row = next(row for row in shop.found.imports if row.state == "quarantined")
    row.state = "duplicate"


def reject_silently(shop: Shop) -> None:
    row = next(row for row in shop.found.imports if row.rows_rejected)
    shop.found.rejects[row.import_id] = 0


def lose_count(shop: Shop) -> None:
    shop.a_load().rows_total += 1


def take_rows_for_new_twice(shop: Shop) -> None:
    row = shop.a_load()
    row.rows_new, row.rows_unchanged = row.rows_new - 1, row.rows_unchanged + 1


def fall_behind(shop: Shop) -> None:
    shop.found = replace(shop.found, versions=(shop.found.versions[0], 1))


def show_an_old_snapshot(shop: Shop) -> None:
    shop.found.run.data_version -= 1


def score_a_customer_wrongly(shop: Shop) -> None:
    key = min(shop.found.scores)
    shop.found.scores[key] = (*shop.found.scores[key][:5], 9)


def score_a_customer_twice(shop: Shop) -> None:
    shop.found.clusters[min(shop.found.clusters)] = 2


def leave_a_run_open(shop: Shop) -> None:
    shop.found = replace(shop.found, open_runs=1)


def keep_an_event(shop: Shop) -> None:
    shop.found = replace(shop.found, unpublished=1)


def leave_a_file_behind(shop: Shop) -> None:
    (shop.data_dir / "input").mkdir()
    (shop.data_dir / "input/orders.csv").write_text("")


def lose_a_file(shop: Shop) -> None:
    (shop.data_dir / shop.a_load().stored_path).unlink()


def tell_nobody(shop: Shop) -> None:
    shop.seen.told.discard(1)


def answer_500(shop: Shop) -> None:
    shop.seen.wrong.append("/segments: 500")


@pytest.mark.parametrize(
    "harm",
    [
        lose_a_row, change_an_amount, load_twice, forget_a_file, leave_a_file_undecided,
        guess_at_a_damaged_file, reject_silently, lose_count, take_rows_for_new_twice, fall_behind,
        show_an_old_snapshot, score_a_customer_wrongly, score_a_customer_twice, leave_a_run_open,
        keep_an_event, leave_a_file_behind, lose_a_file, tell_nobody, answer_500,
    ],
    ids=lambda harm: harm.__name__,
)  # fmt: skip
def test_every_harm_is_found(shop: Shop, harm: Callable[[Shop], None]) -> None:
    harm(shop)
    assert shop.findings() != []


def test_an_event_may_be_missed_before_the_stream_says_so(shop: Shop) -> None:
    shop.seen.told.discard(1)
    shop.seen.resync = NOW + timedelta(seconds=1)
    assert shop.findings() == []


def test_the_same_seed_makes_the_same_files() -> None:
    def some() -> list[Dropped]:
        return list(islice(Maker(random.Random(3), today=NOW.date()).files(), 30))

    assert some() == some()
