"""The table of `make attack` counts what breaks, and says so when nothing was tried."""

from tests.attack.table import Table


def test_what_breaks_is_counted_and_named(capsys) -> None:
    table = Table()
    table.statuses("doors", {401, 403}, [("front", 401), ("back", 200), ("cellar", 403)])
    table.statuses("windows", {401}, [("one", 401)])
    assert table.broke == ["doors: back: 200"]
    table.show()
    printed = capsys.readouterr().out
    assert "| doors | 401 or 403 | 1 × 200, 1 × 401, 1 × 403 | 3 | 1 |" in printed
    assert "BROKE: doors: back: 200" in printed
    assert "held: windows" in printed


def test_a_kind_without_an_attempt_is_no_success() -> None:
    table = Table()
    table.statuses("doors", {401}, [])
    assert table.broke == ["doors: nothing was tried"]
