"""Known exports: a small file of each, of our own making, is read as what it says."""

import json
import tomllib
from collections import defaultdict
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from ingest.reading import exports
from ingest.reading.exports import EXPORTS, export_of
from ingest.reading.mapping import find_mapping
from ingest.reading.names import normalise
from rfm_common.models import Kind
from tests.unit.ingest.reading.reading import Read, read

SAMPLES = Path(__file__).parents[1] / "exports"
"""NAME.csv for NAME.toml, and in NAME.json what it must be read as; also other forms of an
export, as NAME-FORM.csv."""
PROFILES = [file for file in files(exports).iterdir() if file.name.endswith(".toml")]


def _says(found: Read) -> dict[str, list[str]]:
    """By id, what the file says of a customer or an order; lines are added up, of other rows the
    last counts."""
    key, *others = (name for name in found.rows.columns
                    if name not in ("import_line", "status_word"))  # fmt: skip
    rows = found.rows.select(key, *others).sort(key, maintain_order=True)
    says: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows.iter_rows(named=True):
        said = says[row.pop(key)]
        if not found.layout.mapping.line_items:
            said.clear()
        for name, value in row.items():
            if name == "order_amount" and value is not None:
                said[name] = f"{Decimal(said.get(name, 0)) + Decimal(value):.2f}"
            elif value not in (None, ""):
                said.setdefault(name, str(value))
    return {one: [said.get(name, "") for name in others] for one, said in says.items()}


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_sample_is_read_as_what_it_says(sample: Path) -> None:
    right: dict[str, Any] = json.loads(sample.with_suffix(".json").read_text())
    found = read(sample.read_bytes(), sample.name)
    assert found.layout.mapping.source == right["export"]
    assert found.layout.questions == ()
    assert _says(found) == right["rows"]
    assert found.rejects["reason"].to_list() == right.get("rejects", [])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.name)
def test_every_export_has_a_sample_and_says_where_its_columns_are_from(profile: Any) -> None:
    table = tomllib.loads(profile.read_text())
    assert table["source"].strip()
    sample = SAMPLES / profile.name.replace(".toml", ".csv")
    assert json.loads(sample.with_suffix(".json").read_text())["export"] == table["name"]


def test_no_two_exports_have_the_same_name_or_headers() -> None:
    headers = [header for export in EXPORTS for header in export.headers]
    assert len(set(headers)) == len(headers)
    assert len({export.name for export in EXPORTS}) == len(EXPORTS)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_its_own_headers_tell_an_export_and_all_but_one_do_not(export: exports.Export) -> None:
    for header in export.headers:
        assert export_of(header) is export
        for left_out in header:
            assert export_of(header - {left_out}) is not export


def test_a_header_with_more_columns_in_any_case_and_order_is_the_same_export() -> None:
    header = ["Total", "currency", "CREATED AT", "note", "Financial status", "e-mail 2", "Email",
              "Name"]  # fmt: skip
    mapping = find_mapping(header, "file.csv", ())
    assert (mapping.source, mapping.columns["order_id"]) == ("Shopify orders", 7)
    assert mapping.kind is Kind.ORDERS
    assert export_of([normalise(name) for name in ("Name", "Email", "Total")]) is None
