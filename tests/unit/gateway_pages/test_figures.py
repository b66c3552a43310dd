import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from gateway.charts import cluster_figures
from gateway.charts import figures as plotly_figures
from gateway.charts import page_figures as figures
from gateway.charts.points import Point, Sample
from gateway.customers.schemas import OrderRow
from gateway.kit.numbers import Numbers
from gateway.migrations.flows import build_balance, build_matrix, count_causes, direction
from gateway.migrations.schemas import Flow
from gateway.segments.figures import Segment
from rfm_common.models import ScoringRun

NUMBERS = Numbers(Locale("de", "DE"), ZoneInfo("UTC"), "EUR")
NASTY = "<img src=x onerror=alert(1)>"
STATIC = Path("services/gateway/web/static").resolve()


def point(customer: str, segment: str = "Champions", cluster: int = 0) -> Point:
    return Point(
        customer_id=customer, recency_days=3, frequency=2, monetary=10.5,
        cluster_id=cluster, segment_name=segment,
    )  # fmt: skip


def test_a_scatter_has_a_trace_per_segment_in_the_colour_of_the_theme() -> None:
    figure = figures.scatter([point("a", "Lost"), point("b"), point("c")], NUMBERS)
    assert [trace["name"] for trace in figure["data"]] == ["Champions", "Lost"]
    assert figure["data"][0]["marker"]["color"] == "var(--seg-champions, var(--muted))"
    assert figure["data"][0]["y"] == [10.5, 10.5]
    assert figure["layout"]["separators"] == ",."


@pytest.mark.parametrize("view", ["fm", "rf", "rm"])
def test_texts_from_files_are_escaped_in_every_chart(view: str) -> None:
    sample = [point(NASTY, NASTY)]
    order = OrderRow(
        order_id=NASTY, order_date=datetime(2026, 1, 1, tzinfo=UTC), order_amount=Decimal(1),
        currency="EUR", status="completed", status_word=NASTY, is_counted=True,
        is_refund=False,
    )  # fmt: skip
    for figure in (
        figures.scatter(sample, NUMBERS),
        figures.timeline([order], NUMBERS),
        cluster_figures.scatter(sample, view, NUMBERS),
    ):
        assert NASTY not in json.dumps(figure)
        assert "&lt;img" in json.dumps(figure)


def test_a_segment_has_the_same_mark_in_every_chart() -> None:
    sample = Sample(points=[point("a", "At Risk")], customers=1, calc_date=datetime.now(UTC),
                    window_days=365, base_currency=None)  # fmt: skip
    page = figures.scatter(sample.points, NUMBERS)["data"][0]
    alone = json.loads(plotly_figures.scatter(sample, "frequency_monetary"))["data"][0]
    assert alone["marker"]["symbol"] == page["marker"]["symbol"] == "hexagon"


def test_a_segment_that_comes_late_has_no_share_before() -> None:
    def segment(name: str, share: float) -> Segment:
        return Segment(name, 1, share, 1, Decimal(1), share, 1.0, 1.0, (0,))

    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    figure = figures.trend(
        [(days[0], [segment("Lost", 1.0)]),
         (days[1], [segment("Lost", 0.25), segment("Champions", 0.75)])],
        [days[1]], NUMBERS,
    )  # fmt: skip
    lines = {trace["name"]: trace["y"] for trace in figure["data"]}
    assert lines == {"Champions": [0, 0.75], "Lost": [1.0, 0.25]}
    assert figure["data"][0]["x"] == ["2026-01-01", "2026-01-02"]
    assert [line["x0"] for line in figure["layout"]["shapes"]] == ["2026-01-02"]


def test_orders_that_do_not_count_are_hollow() -> None:
    def order(counted: bool) -> OrderRow:
        return OrderRow(
            order_id="O", order_date=datetime(2026, 1, 1, tzinfo=UTC), order_amount=Decimal(5),
            currency="EUR", status="x", status_word="", is_counted=counted,
            is_refund=False,
        )  # fmt: skip

    figure = figures.timeline([order(True), order(False)], NUMBERS)
    assert [trace["marker"]["symbol"] for trace in figure["data"]] == ["circle", "circle-open"]
    assert figure["data"][0]["y"] == [0.0, 5.0, None]
    assert len(figures.timeline([order(True)], NUMBERS)["data"]) == 1


def test_the_sweep_rings_the_chosen_number() -> None:
    tried = [{"k": k, "silhouette": k / 10, "inertia": 100 / k} for k in (2, 3, 4)]
    figure = cluster_figures.sweep(ScoringRun(k=3, sweep=tried), NUMBERS)
    ring = figure["data"][2]
    assert (ring["x"], ring["y"]) == ([3], [0.3])
    assert figure["data"][1]["yaxis"] == "y2"


def test_the_space_has_three_axes_and_marks_that_it_can_draw() -> None:
    sample = [point("a", cluster=n) for n in range(8)] + [point(NASTY, cluster=0)]
    figure = cluster_figures.space(sample, NUMBERS)
    assert {trace["type"] for trace in figure["data"]} == {"scatter3d"}
    first = figure["data"][0]
    assert (first["x"], first["y"], first["z"]) == ([3, 3], [2, 2], [10.5, 10.5])
    assert NASTY not in str(figure)
    assert "triangle-up" not in str(figure)  # Plotly has no such mark in space
    assert figure["layout"]["scene"]["zaxis"]["type"] == "log"


def test_the_snake_turns_recency_round() -> None:
    cluster = {"cluster_id": 9, "segment_name": "Lost",
               "standardised": {"r": 1.5, "f": -1.0, "m": -0.5}}  # fmt: skip
    figure = cluster_figures.snake(ScoringRun(metrics={"clusters": [cluster]}), NUMBERS)
    assert figure["data"][0]["y"] == [-1.5, -1.0, -0.5]
    assert figure["data"][0]["line"]["color"] == "var(--cluster-1)"


def test_charts_are_set_up_never_to_send_data_away() -> None:
    script = (STATIC / "chart.js").read_text()
    assert "showSendToCloud: false" in script
    assert 'plotlyServerURL: ""' in script


def flow(source: str | None, target: str | None, customers: int, cause: str | None = None) -> Flow:
    return Flow(
        from_segment=source, to_segment=target, cause=cause, customers=customers,
        monetary_before=Decimal(1), monetary_after=Decimal(customers),
    )  # fmt: skip


def test_flows_become_a_matrix_best_first_and_new_customers_last() -> None:
    found = [
        flow("Lost", "Champions", 2, "new_order"),
        flow("Champions", "Champions", 5, "stayed"),
        flow("Champions", "Lost", 1, "ageing"),
        flow("Champions", "Lost", 3, "edges"),
        flow(None, "Champions", 4, "new_customer"),
    ]
    matrix = build_matrix(found)
    assert matrix.columns == ["Champions", "Lost"]
    assert [row.name for row in matrix.rows] == ["Champions", "Lost", ""]
    assert [[cell.customers for cell in row.cells] for row in matrix.rows] == [
        [5, 4], [2, 0], [4, 0],
    ]  # fmt: skip
    assert [row.customers for row in matrix.rows] == [9, 2, 4]
    balance = build_balance(found)
    assert (balance.up, balance.down, balance.stayed, balance.arrived) == (2, 4, 5, 4)
    assert [(reason.words, reason.customers) for reason in count_causes(found)] == [
        ("new customer", 4), ("everybody else changed", 3), ("new order", 2),
        ("time passed without an order", 1),
    ]  # fmt: skip


def test_who_stops_ordering_moves_down_whatever_their_cluster_is_called() -> None:
    silent = {"At Risk"}
    assert direction("Lost", "At Risk") == "up"
    assert direction("Lost", "At Risk", silent) == "down"
    assert direction("At Risk", "At Risk", silent) == "stay"
    found = [flow("Lost", "At Risk", 5, None), flow("At Risk", "Lost", 2, None)]
    matrix = build_matrix(found, silent)
    assert matrix.columns == [row.name for row in matrix.rows] == ["Lost", "At Risk"]
    balance = build_balance(found, silent)
    assert (balance.up, balance.down) == (2, 5)


def test_a_move_has_a_direction_only_between_segments() -> None:
    assert direction("Lost", "Champions") == "up"
    assert direction("Champions", "Lost") == "down"
    assert direction("Lost", "Lost") == "stay"
    assert direction(None, "Lost") == direction("Lost", None) == "none"
