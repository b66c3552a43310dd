"""What the commands make of the product's answers."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from rfm_cli import remote
from rfm_cli.client import RefusedError

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler) -> httpx.Client:
    return httpx.Client(base_url="http://rfm", transport=httpx.MockTransport(handler))


def shown(table: Any) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table)
    return console.export_text()


def problem(status: int, title: str, detail: str = "") -> httpx.Response:
    body = json.dumps({"title": title, "detail": detail, "status": status})
    return httpx.Response(status, headers={"content-type": "application/problem+json"}, text=body)


def test_a_run_is_asked_for_with_what_was_given() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/pipeline/run"
        return httpx.Response(202, json={"run_id": 7, "asked": json.loads(request.content)})

    assert remote.request_run(client(handler), {"k": "auto"}) == {
        "run_id": 7,
        "asked": {"k": "auto"},
    }


def test_a_run_is_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_POLL", 0)
    states = iter(["queued", "running", "running", "finished"])
    with client(lambda _: httpx.Response(200, json={"status": next(states)})) as product:
        seen = [run["status"] for run in remote.follow_run(product, 7)]
    assert seen == ["queued", "running", "running", "finished"]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_run_without_scores_is_an_error_with_its_reason(state: str) -> None:
    answer = {"status": state, "error": "the database went away"}
    with (
        client(lambda _: httpx.Response(200, json=answer)) as product,
        pytest.raises(RefusedError, match=f"run 7 {state}: the database went away"),
    ):
        list(remote.follow_run(product, 7))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            problem(400, "Bad Request", "k: expected an integer"),
            "Bad Request: k: expected an integer",
        ),
        (problem(404, "No such segment"), "No such segment"),
        (httpx.Response(502, text="<html>proxy</html>"), "502 Bad Gateway"),
        (httpx.Response(500, json=["odd"]), "500 Internal Server Error"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_product(answer: httpx.Response, words: str) -> None:
    with client(lambda _: answer) as product, pytest.raises(RefusedError) as refused:
        remote.request_run(product, {})
    assert str(refused.value) == words


SEGMENTS = """{"calc_date": "2024-01-15T00:00:00Z", "base_currency": "EUR", "segments": [
    {"segment_name": "Champions", "cluster_id": 2, "customer_count": 1204, "customer_share": 0.2408,
     "avg_recency_days": 12.4, "avg_frequency": 21.25, "avg_monetary": 1234567.10,
     "monetary_share": 0.6}]}"""


def test_segments_become_a_table() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.params["calc_date"] == "2024-01-15T00:00:00Z"
        return httpx.Response(200, text=SEGMENTS)

    found = remote.segments(client(handler), "2024-01-15T00:00:00Z")
    text = shown(remote.segment_table(found))
    for word in ("Champions", "1,204", "24.1%", "1,234,567.10", "60.0%", "EUR", "2024-01-15"):
        assert word in text


def imported(import_id: int, name: str, state: str = "loaded", **more: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("total", "new", "updated", "unchanged", "rejected"), 0)
    rows = {f"rows_{key}": value for key, value in counts.items()}
    return {
        "import_id": import_id,
        "file_name": name,
        "state": state,
        "message": None,
        **rows,
        **more,
    }


def test_an_upload_waits_for_its_own_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_POLL", 0)
    reading = [imported(5, "orders.csv", "reading"), imported(6, "customers.csv", "reading")]
    ended = [imported(6, "customers.csv"), imported(5, "orders.csv", rows_new=2)]
    answers = iter([reading, [ended[0], reading[0]], ended])

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            assert b'filename="orders.csv"' in request.read()
            return httpx.Response(202, json={"imports": reading})
        assert request.url.params.get_list("import_id") == ["5", "6"]
        return httpx.Response(200, json={"imports": next(answers)})

    for name in ("orders.csv", "customers.csv"):
        (tmp_path / name).write_text("header\n")
    paths = (tmp_path / "orders.csv", tmp_path / "customers.csv")
    assert remote.upload(client(handler), paths) == ended


def test_imports_become_a_table_in_order() -> None:
    rows = [
        imported(6, "b.csv", "quarantined", message="line 1: no column customer_id"),
        imported(5, "a.csv", "loaded_with_rejects", rows_total=1234, rows_rejected=4),
    ]
    text = shown(remote.import_table(rows))
    assert text.index("a.csv") < text.index("b.csv")
    for word in ("loaded with rejects", "1,234", "quarantined", "no column customer_id"):
        assert word in text


def test_an_export_is_copied_as_it_comes() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/export/segments/At%20Risk%2F%3F"
        return httpx.Response(200, content=b"customer_id\nC1\n")

    sink = BytesIO()
    remote.export(client(handler), "At Risk/?", sink)
    assert sink.getvalue() == b"customer_id\nC1\n"


@pytest.mark.parametrize(("told", "notes"), [("computing", 1), ("ready", 0), (None, 0)])
def test_an_export_without_expected_figures_says_so_beside_the_file(capsys, told, notes) -> None:
    headers = {"X-Outlook": told} if told else {}
    answering = client(lambda _: httpx.Response(200, headers=headers, content=b"customer_id\n"))
    sink = BytesIO()
    remote.export(answering, "all", sink)
    assert sink.getvalue() == b"customer_id\n"
    assert capsys.readouterr().err.count("not computed yet") == notes


class Breaking(httpx.SyncByteStream):
    def __iter__(self):
        yield b"customer_id\nC1\n"
        raise httpx.RemoteProtocolError("peer closed connection")


def test_changes_are_asked_for_since_a_date(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert dict(request.url.params) == {"mode": "changes", "since": "2024-06-30"}
        return httpx.Response(200, content=b"customer_id,cause\r\n")

    remote.export_file(client(handler), "all", tmp_path / "changes.csv", "2024-06-30")
    assert (tmp_path / "changes.csv").read_bytes() == b"customer_id,cause\r\n"


def test_an_export_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "champions.csv"
    out.write_text("yesterday's")
    with (
        client(lambda _: httpx.Response(200, stream=Breaking())) as product,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        remote.export_file(product, "Champions", out)
    assert out.read_text() == "yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == ["champions.csv"]


def test_an_export_of_a_segment_that_is_not_there_makes_no_file(tmp_path: Path) -> None:
    with (
        client(lambda _: problem(404, "Not Found", "there are: Lost")) as product,
        pytest.raises(RefusedError, match="there are: Lost"),
    ):
        remote.export_file(product, "Champion", tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_complete_export_takes_its_place(tmp_path: Path) -> None:
    with client(lambda _: httpx.Response(200, content=b"customer_id\n")) as product:
        remote.export_file(product, "Lost", tmp_path / "lost.csv")
    assert (tmp_path / "lost.csv").read_bytes() == b"customer_id\n"


def test_health_is_shown_also_when_something_is_away() -> None:
    answer = httpx.Response(
        503, json={"status": "down", "database": "away", "total_customers": 5000}
    )
    found = remote.health(client(lambda _: answer))
    text = shown(remote.health_table("http://rfm", found))
    for word in ("http://rfm", "down", "away", "total customers", "5,000"):
        assert word in text


def test_the_demo_is_removed_by_the_product() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("DELETE", "/demo")
        return httpx.Response(200, json={"customers": 5168, "orders": 58722})

    assert remote.remove_demo(client(handler)) == {"customers": 5168, "orders": 58722}


GROUPS = [
    {"reason": "bad_amount", "column_name": "order_amount", "rows": 2, "first_line": 4,
     "example": "twelve"},
    {"reason": "erased", "column_name": None, "rows": 1, "first_line": 9, "example": None},
]  # fmt: skip


def test_a_file_with_rejected_rows_says_why() -> None:
    row = {"import_id": 3, "message": None, "rows_rejected": 3}
    with client(lambda _: httpx.Response(200, json={"reject_groups": GROUPS})) as product:
        told = remote.with_reasons(product, row)
    assert told["message"] == (
        "2 rows: bad amount in order_amount, first line 4 ('twelve'); 1 row: erased, first line 9"
    )


@pytest.mark.parametrize(
    "row",
    [
        {"message": "1 of 5 rows were rejected", "rows_rejected": 1},
        {"message": None, "rows_rejected": 0},
    ],
)
def test_a_file_that_has_words_or_no_rejected_row_stays_as_it_is(row: dict[str, Any]) -> None:
    with client(lambda _: httpx.Response(500)) as product:
        assert remote.with_reasons(product, row) is row
