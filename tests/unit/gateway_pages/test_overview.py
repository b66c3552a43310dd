import re
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from gateway.charts.points import COLOURS
from gateway.kit.change import relative_change
from gateway.kit.expected import COMPUTING, NOBODY, Expected
from gateway.kit.guide import GUIDES, guide, rank, slug
from gateway.kit.numbers import Numbers
from gateway.overview.kpis import Kpi, Moment, build_kpis
from gateway.overview.page import build_grid
from gateway.quiet.queries import Slipping
from gateway.segments.figures import Segment, build_rows
from gateway.segments.histograms import histogram

NUMBERS = Numbers(Locale("en", "GB"), ZoneInfo("UTC"), "EUR")
STYLES = Path("services/gateway/web/static/app.css").resolve()


def segment(name: str, customers: int, money: str, share: float = 0.5) -> Segment:
    return Segment(name, customers, share, customers * 2, Decimal(money), share, 30.0, 21.0, (0,))


def test_a_segment_is_the_sum_of_its_clusters() -> None:
    champions = segment("Champions", 10, "1000")
    assert champions.avg_order_value == 50
    assert champions.avg_frequency == 2
    assert champions.avg_monetary == 100
    assert Segment("Lost", 3, 1.0, 0, Decimal(0), 0.0, 366.0, 366.0, (1,)).avg_order_value is None


def test_a_segment_of_customers_without_orders_is_told_apart_and_comes_last() -> None:
    silent = Segment("At Risk", 30, 0.5, 1, Decimal(6), 0.0, 365.9, 366.0, (1,))
    assert silent.is_silent
    lost = segment("Lost", 4, "1")
    assert not lost.is_silent
    rows = build_rows(NUMBERS, [silent, lost, segment("Champions", 1, "5")], None)
    assert [row.guide.name for row in rows] == ["Champions", "Lost", "At Risk"]


def test_the_grid_has_every_square_best_row_first() -> None:
    best = {"r_score": 5, "fm_score": 5, "customers": 3, "monetary": "9"}
    worst = {"r_score": 1, "fm_score": 1, "customers": 12, "monetary": "0"}
    grid = build_grid([best, worst])
    assert [len(row) for row in grid] == [5] * 5
    assert [row[0].fm_score for row in grid] == [5, 4, 3, 2, 1]
    top, bottom, empty = grid[0][4], grid[4][0], grid[2][2]
    assert (top.customers, top.share, top.heat) == (3, 0.2, 5)
    assert (bottom.customers, bottom.heat) == (12, 9)
    assert (empty.customers, empty.heat) == (0, 0)


def test_the_grid_of_an_empty_snapshot_is_cold() -> None:
    assert {cell.heat for row in build_grid([]) for cell in row} == {0}


def test_segments_are_listed_best_first_with_their_gain() -> None:
    rows = build_rows(
        NUMBERS,
        [segment("Lost", 4, "1"), segment("Champions", 10, "5")],
        [segment("Champions", 7, "5")],
    )
    assert [row.guide.name for row in rows] == ["Champions", "Lost"]
    assert [row.change and row.change.text for row in rows] == ["+3", "+4"]
    assert build_rows(NUMBERS, [segment("Lost", 4, "1")], None)[0].change is None


def test_figures_say_whether_a_change_is_good() -> None:
    before = Moment(
        {"active_customers": 100, "monetary": "1000", "median_recency_days": 40, "orders": 100}, []
    )
    now = Moment(
        {"active_customers": 110, "monetary": "900", "median_recency_days": 30, "orders": 110}, []
    )
    kpis = {kpi.label: kpi for kpi in build_kpis(NUMBERS, 365, now, before)}
    moods = {label: kpi.change.mood for label, kpi in kpis.items() if kpi.change}
    assert moods == {"Buyers": "good", "Revenue": "bad", "Median recency": "good",
                     "Orders per buyer": "even", "Average order": "bad"}  # fmt: skip
    assert kpis["Revenue"].change is not None
    assert kpis["Revenue"].change.text == "−10.0%"
    assert kpis["Revenue"].full == "€900.00"


def test_without_a_snapshot_before_nothing_changed() -> None:
    kpis = build_kpis(NUMBERS, 365, Moment({"customers": 0, "monetary": "0"}, []), None)
    assert not [kpi for kpi in kpis if kpi.change]
    assert next(kpi for kpi in kpis if kpi.label == "Median recency").value == "–"


def moods(now: Moment, before: Moment) -> dict[str, str]:
    kpis = build_kpis(NUMBERS, 90, now, before)
    return {kpi.label: kpi.change.mood for kpi in kpis if kpi.change}


def moment(buyers: int, orders: int, money: int, recency: int, slipping: int) -> Moment:
    summary = {"customers": 2000, "active_customers": buyers, "orders": orders,
               "monetary": str(money), "median_recency_days": recency}  # fmt: skip
    return Moment(summary, [], Slipping(customers=9, monetary=Decimal(slipping)))


def test_nothing_is_good_news_when_half_of_the_shop_has_gone() -> None:
    """Whoever stays buys more often, for more, and more recently than those who left did."""
    before, now = moment(1000, 2000, 100_000, 40, 500), moment(500, 1500, 90_000, 10, 40_000)
    assert set(moods(now, before).values()) == {"bad", "even"}
    assert moods(now, before)["Revenue slipping"] == "bad"


@pytest.mark.parametrize(
    ("was", "now", "mood"),
    [(500, 900, "bad"), (900, 500, "even"), (900, 0, "even"), (9, 9, "even")],
)
def test_that_less_is_slipping_is_never_good_news(was: int, now: int, mood: str) -> None:
    """Those who slipped may have come back, or gone for good."""
    found = moods(moment(100, 200, 900, 30, now), moment(100, 200, 900, 30, was))
    assert found["Revenue slipping"] == mood


def test_a_run_that_did_not_look_for_it_says_nothing_of_what_is_slipping() -> None:
    kpis = build_kpis(NUMBERS, 90, Moment({"customers": 3}, []), None)
    assert kpis[-1].value == "–"


def expected(
    revenue: str, version: int = 1, kind: str = "mbgnbd", orders: float = 51.4
) -> Expected:
    totals = {"customers": 9, "expected_orders_90": orders, "expected_revenue_90": revenue}
    forecast = {"totals": totals, "version": version, "model": {"kind": kind, "why": "Because."}}
    return Expected.of(forecast)  # type: ignore[arg-type]


def expected_card(now: Expected | None, before: Expected | None = None) -> Kpi:
    then = Moment({}, [], expected=before) if before else None
    kpis = build_kpis(NUMBERS, 365, Moment({}, [], expected=now), then)
    return next(kpi for kpi in kpis if kpi.label == "Expected in the next 90 days")


def test_what_is_expected_stands_beside_the_revenue_so_far() -> None:
    labels = [kpi.label for kpi in build_kpis(NUMBERS, 365, Moment({}, []), None)]
    assert labels[1:3] == ["Revenue", "Expected in the next 90 days"]
    card = expected_card(expected("1234.5000"))
    assert (card.value, card.full, card.change) == ("€1,234", "€1,234.50", None)
    assert card.note.startswith("revenue from about 51 orders by the customers you have")
    assert "1 order by" in expected_card(expected("20", orders=0.9)).note
    assert "rough" in expected_card(expected("20", kind="rates")).note


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (None, "new ones come on top"),
        (-0.2161, "on top. 90 days ago it would have been 21.6% too low"),
        (0.05, "on top. 90 days ago it would have been 5.0% too high"),
    ],
)
def test_the_card_says_how_far_off_it_was_on_the_shops_own_past(
    error: float | None, ending: str
) -> None:
    now = Moment({}, [], expected=expected("20"), error=error)
    assert build_kpis(NUMBERS, 365, now, None)[2].note.endswith(ending)


@pytest.mark.parametrize(
    ("forecast", "why"),
    [({}, COMPUTING), ({"totals": {"customers": 0}, "model": {}, "version": 1}, NOBODY)],
)
def test_without_figures_the_card_says_why(forecast: dict[str, object], why: str) -> None:
    now = Expected.of(forecast)  # type: ignore[arg-type]
    assert (now.state, now.expected_revenue_90) != ("ready", None)
    assert (expected_card(now).value, expected_card(now).note) == ("–", why)
    assert expected_card(expected("20"), before=now).change is None


def test_one_country_has_no_figures_of_its_own() -> None:
    assert "all countries" in expected_card(None).note


def test_only_figures_of_the_same_model_are_compared() -> None:
    change = expected_card(expected("110"), before=expected("100")).change
    assert change is not None
    assert (change.text, change.mood) == ("+10.0%", "good")
    assert expected_card(expected("110"), before=expected("100", version=2)).change is None


def test_every_segment_has_words_and_colours_in_both_themes() -> None:
    styles = STYLES.read_text()
    assert len(GUIDES) == 10
    for item in GUIDES:
        assert item.meaning
        assert item.advice
        assert item.slug == slug(item.name)
        assert styles.count(f"--seg-{item.slug}:") == 3, "light, dark, dark by the system"
        assert f".seg-{item.slug} " in styles


def test_pictures_have_the_colours_of_the_pages() -> None:
    light = STYLES.read_text("utf-8").split("@media")[0]
    for item in GUIDES:
        assert f"--seg-{item.slug}: {COLOURS[item.name]};" in light


def test_a_segment_of_another_version_is_shown_plainly() -> None:
    stranger = guide("New <b>Stars</b>")
    assert stranger.name == "New <b>Stars</b>"
    assert rank(stranger.name) > rank("Lost")


def test_a_figure_that_grew_manyfold_is_told_by_its_factor() -> None:
    grown = relative_change(NUMBERS, 117_000, 10.6, more_is_better=False)
    assert grown is not None
    assert (grown.text, grown.mood) == ("× 11,038", "bad")
    assert relative_change(NUMBERS, 1, 0) is None


def test_a_histogram_has_round_borders_and_counts_everybody() -> None:
    found = histogram("Days", [0, 3, 7, 12, 12, 99], NUMBERS.count)
    assert found is not None
    assert sum(bar.count for bar in found.bars) == 6
    assert max(bar.height for bar in found.bars) == 1
    assert (found.first, found.last, found.median) == ("0", "100", "12")
    assert histogram("Days", [], NUMBERS.count) is None


def test_what_lies_far_out_is_in_the_last_bin() -> None:
    found = histogram("Revenue", [*range(100), 20_000], NUMBERS.count)
    assert found is not None
    assert len(found.bars) == 10
    assert sum(bar.count for bar in found.bars) == 101
    assert found.bars[-1].label == found.last == "90 and more"


def test_a_histogram_of_equal_values_is_one_bar() -> None:
    found = histogram("Orders", [4, 4, 4], NUMBERS.count)
    assert found is not None
    assert [bar.count for bar in found.bars] == [3]


def test_no_template_makes_an_address_by_replacing_characters() -> None:
    for path in STYLES.parents[2].glob("*/templates/*.html"):
        assert not re.search(r"""replace\(["'](\?|&|\w+=)""", path.read_text("utf-8")), path.name
