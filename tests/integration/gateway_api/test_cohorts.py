"""Cohorts over the API, and the customers of their cells."""

import csv
import io
from datetime import date

import pytest
from python_calamine import CalamineWorkbook


async def found(reader, **params) -> dict:
    answer = await reader.get("/cohorts", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def total(reader, **params) -> int:
    answer = await reader.get("/customers", params={"page_size": 1000, **params})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total"] == len(body["customers"])
    return body["total"]


@pytest.mark.parametrize("narrowed", [{}, {"country": "DE"}, {"country": "FR"}])
async def test_cells_have_exactly_their_customers(reader, narrowed) -> None:
    cohorts = (await found(reader, **narrowed))["cohorts"]
    assert len(cohorts) > 5
    for cohort in cohorts[::4]:
        first = cohort["first_month"]
        assert await total(reader, first_order=first, **narrowed) == cohort["customers"]
        for cell in cohort["cells"][:9]:
            place = {"first_order": first, "ordered_in": cell["month"], **narrowed}
            assert await total(reader, **place) == cell["customers"]


async def test_everybody_who_ordered_is_in_one_cohort(reader) -> None:
    body = await found(reader)
    cohorts = body["cohorts"]
    assert (body["base_currency"], body["country"], body["orders_left_out"]) == ("EUR", None, 0)
    for cohort in cohorts:
        assert cohort["cells"][0]["customers"] == cohort["customers"] > 0
        assert cohort["cells"][-1]["month"] == "2024-06"
        assert all(cell["is_complete"] for cell in cohort["cells"])
    by_month = {}
    for cohort in cohorts:
        for cell in cohort["cells"]:
            by_month[cell["month"]] = by_month.get(cell["month"], 0) + cell["customers"]
    for month in ("2023-01", "2024-06"):
        assert await total(reader, ordered_in=month) == by_month[month] > 0


async def test_since_leaves_older_cohorts_out(reader) -> None:
    everything = (await found(reader))["cohorts"]
    some = (await found(reader, since="2023-05"))["cohorts"]
    assert some == [one for one in everything if one["first_month"] >= "2023-05"]
    assert 0 < len(some) < len(everything)


async def test_csv_has_a_line_per_cell(reader) -> None:
    cohorts = (await found(reader))["cohorts"]
    lines = list(csv.DictReader(io.StringIO((await reader.get("/cohorts.csv")).text)))
    assert len(lines) == sum(len(one["cells"]) for one in cohorts)
    cell, line = cohorts[0]["cells"][1], lines[1]
    assert (line["first_month"], line["month"]) == (cohorts[0]["first_month"], cell["month"])
    assert line["is_complete"] == "true"
    for name in ("months_since", "customers", "share", "orders", "revenue", "revenue_per_customer"):
        assert float(line[name]) == cell[name]


async def test_the_workbook_has_the_same_figures(reader) -> None:
    answer = await reader.get("/cohorts.xlsx?country=DE")
    assert answer.headers["content-disposition"].startswith(
        'attachment; filename="cohorts-DE.xlsx"'
    )
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    rows = book.get_sheet_by_name("Customers").to_python()[1:]
    cohorts = (await found(reader, country="DE"))["cohorts"]
    assert [row[0] for row in rows] == [date.fromisoformat(f"{one['first_month']}-01")
                                        for one in cohorts]  # fmt: skip
    for row, cohort in zip(rows, cohorts, strict=True):
        figures = [cell["customers"] for cell in cohort["cells"]]
        assert row[1] == cohort["customers"]
        assert row[2 : 2 + len(figures)] == figures


@pytest.mark.parametrize(
    "path",
    ["/customers?first_order=", "/customers?ordered_in=", "/cohorts?since=",
     "/dashboard/customers?first_order="],
)  # fmt: skip
@pytest.mark.parametrize("value", ["2024", "2024-13", "yesterday", "2024-1"])
async def test_what_is_no_month_is_refused_with_its_name(reader, path, value) -> None:
    answer = await reader.get(path + value)
    assert answer.status_code == 400
    assert path.rpartition("?")[2].removesuffix("=") in answer.text
    assert "is not a month like 2026-11" in answer.text


async def test_before_the_first_run_there_are_none(client) -> None:
    assert await found(client) == {
        "calc_date": None, "base_currency": None, "country": None, "orders_left_out": 0,
        "cohorts": [],
    }  # fmt: skip
    page = await client.get("/dashboard/cohorts")
    assert "There are no cohorts yet" in page.text
    assert (await client.get("/cohorts.xlsx")).status_code == 200


async def test_an_unknown_country_has_no_cohorts(reader) -> None:
    assert (await found(reader, country="XX"))["cohorts"] == []
    page = await reader.get("/dashboard/cohorts?country=XX")
    assert "Nobody in XX ordered for the first time" in page.text
