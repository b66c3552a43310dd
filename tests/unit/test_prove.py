"""The checker of `make prove`: silent about a shop that is right, and not about one that is not."""

import os
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from inspect import signature
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from tests.prove import zones
from tests.prove.__main__ import BUGS
from tests.prove.bugs import seeded
from tests.prove.checker import Found, check
from tests.prove.deliver import Deliveries
from tests.prove.files import HEADERS, PERSONS, ROUND, Dropped, Maker, Tables
from tests.prove.finding import Finding
from tests.prove.readers import GRACE, Readers, Seen
from tests.prove.stack import Stack
from tests.unit.scoring import oracle

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)


class Shop:
    """Forty files, and the database that a product without faults would have after them."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.maker = Maker(random.Random(5), today=NOW.date())
        self.deliveries = Deliveries(surely=list(islice(self.maker.files(), 40)))
        self.found = self._load()
        self.seen = Seen(told={("import", number) for number in range(1, 41)} | {("run", 1)})

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
            rows.append(self.row(number, dropped, state, new, len(loaded)))
        self.rates = dict(paper.rates)
        return Found(
            imports=rows, customers=dict(paper.customers), orders=dict(paper.orders),
            rates=dict(paper.rates), rejects=rejects, versions=(len(loaded), len(loaded)),
            open_runs=0, ended_runs=[1], unpublished=0, open_erasures=0, rejected_texts="",
            run=SimpleNamespace(calc_date=NOW, window_days=365, data_version=len(loaded),
                                summary={"measured": {"timezone": "UTC"}}),
            **self._scored(paper.customers, paper.orders),
        )  # fmt: skip

    def _scored(self, customers: dict[str, Any], orders: dict[str, Any]) -> dict[str, Any]:
        scored = oracle.snapshot(
            customers, [oracle.OracleOrder(*row[1:]) for row in orders.values()], NOW,
            rates=[(key[0], key[1], rate) for key, rate in self.rates.items()],
        ).customers  # fmt: skip
        scores = {key: (one.recency_days, one.frequency, one.monetary, one.r_score, one.f_score,
                        one.m_score) for key, one in scored.items()}  # fmt: skip
        return {"scores": scores, "clusters": Counter(scored.keys())}

    def row(
        self, number: int, dropped: Dropped, state: str, new: int, version: int | None
    ) -> SimpleNamespace:
        place = "quarantine" if state == "quarantined" else "archive"
        path = self.data_dir / place / f"{number}-{dropped.name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dropped.content)
        total = len(dropped.rows) + dropped.rejected if state == "loaded" else 0
        rest = total - new - dropped.rejected if total else 0
        return SimpleNamespace(
            import_id=number, file_name=dropped.name, state=state, kind=dropped.kind, reason=None,
            sha256=dropped.sha256 if dropped.kind else None, data_version=version,
            rows_total=total, rows_new=new, rows_superseded=0,
            rows_rejected=dropped.rejected if state == "loaded" else 0,
            rows_updated=rest if version else 0, rows_unchanged=0 if version else rest,
            stored_path=f"{place}/{path.name}", finished_at=NOW,
        )  # fmt: skip

    def erase(self, person: str) -> None:
        """As the product does: of tables, scores, rejected rows and kept files."""
        self.deliveries.erased.add(person)
        self.deliveries.perhaps_erased.add(person)
        self.found.customers.pop(person, None)
        for order in [key for key, row in self.found.orders.items() if row[1] == person]:
            del self.found.orders[order]
        for path in self.data_dir.rglob("*.csv"):
            lines = path.read_bytes().split(b"\n")
            path.write_bytes(b"\n".join(line for line in lines if person.encode() not in line))
        self.found = replace(self.found, **self._scored(self.found.customers, self.found.orders))

    def findings(self) -> list[Finding]:
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


def test_a_shop_without_an_erased_person_gives_no_finding(shop: Shop) -> None:
    """Whether the answer to the request came or not."""
    for person in PERSONS[:2]:
        shop.erase(person)
    shop.deliveries.erased.discard(PERSONS[1])
    shop.deliveries.perhaps_erased.add(PERSONS[2])  # it never arrived
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


def show_a_run_before_its_summary(shop: Shop) -> None:
    shop.found.run.summary = {}


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
    shop.seen.told.discard(("import", 1))


def tell_nobody_of_a_run(shop: Shop) -> None:
    shop.seen.told.discard(("run", 1))


def answer_500(shop: Shop) -> None:
    shop.seen.wrong.append(Finding("answers", "/segments: 500"))


def forget_an_erasure(shop: Shop) -> None:
    shop.found = replace(shop.found, open_erasures=1)


def keep_an_erased_person(shop: Shop) -> None:
    shop.erase(PERSONS[0])
    shop.found.customers[PERSONS[0]] = (None, None, None)


def keep_an_erased_persons_rows(shop: Shop) -> None:
    shop.erase(PERSONS[0])
    (shop.data_dir / shop.a_load().stored_path).write_text(f"O1,{PERSONS[0]}")


def reject_an_erased_persons_row_in_words(shop: Shop) -> None:
    shop.erase(PERSONS[0])
    shop.found = replace(shop.found, rejected_texts=f"O1,{PERSONS[0]},never")


HARM: dict[Callable[[Shop], None], str] = {
    lose_a_row: "tables", change_an_amount: "tables", load_twice: "ledger",
    forget_a_file: "ledger", leave_a_file_undecided: "ledger", guess_at_a_damaged_file: "ledger",
    reject_silently: "counts", lose_count: "counts", take_rows_for_new_twice: "new rows",
    fall_behind: "catching up", leave_a_run_open: "catching up", keep_an_event: "catching up",
    show_an_old_snapshot: "snapshot", show_a_run_before_its_summary: "snapshot",
    score_a_customer_wrongly: "snapshot",
    score_a_customer_twice: "snapshot", leave_a_file_behind: "folders", lose_a_file: "folders",
    tell_nobody: "stream", tell_nobody_of_a_run: "stream", answer_500: "answers",
    forget_an_erasure: "erasures", keep_an_erased_person: "erasures",
    keep_an_erased_persons_rows: "erasures", reject_an_erased_persons_row_in_words: "erasures",
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_every_harm_is_found_by_its_check(shop: Shop, harm: Callable[[Shop], None]) -> None:
    harm(shop)
    assert HARM[harm] in {finding.check for finding in shop.findings()}


def test_a_file_whose_rows_are_there_already_changes_nothing(shop: Shop) -> None:
    """It is loaded, has no data_version, and need not be scored."""
    earlier = next(one for one in shop.deliveries.surely if one.kind == "orders")
    same = replace(earlier, name="same.csv", content=earlier.content + b"\n")
    row = shop.row(41, same, "loaded", new=0, version=None)
    shop.deliveries.surely.append(same)
    shop.found.imports.append(row)  # type: ignore[attr-defined]
    shop.found.rejects[41] = same.rejected
    shop.seen.told.add(("import", 41))
    assert shop.findings() == []


def test_what_an_export_and_a_bad_answer_show_is_a_finding() -> None:
    """A 503 is honest for a while after a fault; anything else is not."""
    readers = Readers(cast("Stack", SimpleNamespace(url="http://test")), lambda: 1.0, seed=1)
    readers.note("/x", httpx.Response(503), peace=1)
    assert readers.seen.wrong == []
    readers.peace = lambda: GRACE + 1
    readers.note("/x", httpx.Response(503), peace=GRACE + 1)
    readers.note("/x", httpx.Response(500), peace=0)
    assert [finding.check for finding in readers.seen.wrong] == ["answers", "answers"]


async def test_an_export_with_a_row_too_few_or_twice_is_found() -> None:
    readers = Readers(cast("Stack", SimpleNamespace(url="http://test")), lambda: 0.0, seed=1)
    for body in ("customer_id\nC1\nC2\n", "customer_id\nC1\n", "customer_id\nC1\nC1\n"):
        answer = httpx.Response(200, headers={"x-row-count": "2"}, text=body)
        await readers.check_export(answer, peace=0)
    assert [finding.check for finding in readers.seen.wrong] == ["exports", "exports"]


@pytest.mark.parametrize("bug", seeded.BUGS)
def test_a_seeded_bug_replaces_what_is_there(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would break the product in another way than it says."""
    planted = []

    def compare(owner: Any, name: str, new: Any) -> None:
        planted.append(name)
        old = getattr(owner, name)
        if isinstance(old, str):  # a statement
            assert new != old
        else:
            assert [*signature(new).parameters] == [*signature(old).parameters]

    monkeypatch.setattr(seeded, "put", compare)
    seeded.BUGS[bug][1]()
    assert planted


def test_every_seeded_bug_has_a_check_that_must_find_it() -> None:
    assert {bug.name for bug in BUGS} == set(seeded.BUGS)


def cells(heading: str) -> list[str]:
    """The last cell of each row of the documentation's table with this heading."""
    text = (Path(__file__).parents[2] / "docs/reliability.md").read_text()
    rows = text.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [row.strip("|").rpartition("|")[2].strip() for row in rows]


def test_each_guarantee_names_checks_that_exist() -> None:
    sources = "".join(path.read_text() for path in Path(zones.__file__).parent.glob("*.py"))
    known = {*re.findall(r"(?:blame|Finding)\(\s*\"([a-z ]+)\"", sources),
             *re.findall(r"\"([a-z ]+)\": check_", sources), "`--soak`"}  # fmt: skip
    named = {name for cell in cells("guarantee") for name in cell.split(", ") if name}
    assert named <= known
    assert {check for bug in BUGS for check in bug.checks} <= named


def test_each_seeded_bug_is_documented_with_its_checks() -> None:
    named = [set(re.split(r", (?:or )?| or ", cell)) for cell in cells("bug")]
    assert named == [set(bug.checks) for bug in BUGS]
    assert len(BUGS) == 12, "docs/reliability.md says so"


@pytest.mark.parametrize("hour", range(24))
def test_at_any_hour_the_day_of_some_zones_ends_sooner_than_that_of_the_first(hour: int) -> None:
    moment = NOW.replace(hour=hour, minute=23)
    first = zones.last_to_end(moment)
    assert len(zones.sooner_to_end(first, moment)) >= 2
    assert zones.day_end(first, moment) - moment < timedelta(hours=25)


def test_every_round_of_files_has_each_kind() -> None:
    for seed in range(5):
        made = [*islice(Maker(random.Random(seed), today=NOW.date()).files(), 2 * ROUND)][ROUND:]
        assert {one.kind for one in made} == {*HEADERS, None}
        assert any("again-" in one.name for one in made)
        assert any(os.fsencode(one.name).decode(errors="replace") != one.name for one in made)


def test_the_same_seed_makes_the_same_files() -> None:
    def some() -> list[Dropped]:
        return list(islice(Maker(random.Random(3), today=NOW.date()).files(), 30))

    assert some() == some()
