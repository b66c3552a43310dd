"""The ledger, its rejected rows, and uploads into the same folder."""

import csv
import errno
import io
import os
from pathlib import Path

import pytest

from rfm_common.settings import Settings
from tests.shop import add_imports

ORDERS = b"order_id,customer_id\nO1,C1\n"


async def test_the_ledger_lists_every_file_newest_first(client, sessions) -> None:
    await add_imports(sessions)
    answer = (await client.get("/imports")).json()
    assert [(row["import_id"], row["state"]) for row in answer["imports"]] == [
        (3, "quarantined"), (2, "loaded_with_rejects"), (1, "loaded"),
    ]  # fmt: skip
    assert answer["imports"][0]["message"] == "byte 3 is not text in any known encoding"
    narrowed = (await client.get("/imports", params={"state": "quarantined"})).json()
    assert (narrowed["total"], len(narrowed["imports"])) == (1, 1)
    assert len((await client.get("/imports.csv")).text.splitlines()) == 4


async def test_one_file_says_why_rows_did_not_load(client, sessions) -> None:
    await add_imports(sessions)
    answer = (await client.get("/imports/2")).json()
    assert (answer["rows_total"], answer["rows_new"], answer["rows_rejected"]) == (702, 700, 2)
    groups = {group["reason"]: group for group in answer["reject_groups"]}
    assert groups["amount_not_a_number"] == {
        "reason": "amount_not_a_number", "column_name": "order_amount", "rows": 1,
        "first_line": 14, "example": "abc",
    }  # fmt: skip


async def test_rejected_rows_come_as_csv_harmless_in_a_spreadsheet(client, sessions) -> None:
    await add_imports(sessions)
    answer = await client.get("/imports/2/rejects.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["line"], row["column_name"], row["value"]) for row in rows] == [
        ("14", "order_amount", "abc"),
        ("15", "order_date", "'=1+1"),
    ]
    assert rows[0]["raw"] == "O14,C0001,2024-01-01,abc"
    assert 'filename="orders.csv-rejects.csv"' in answer.headers["content-disposition"]


async def test_an_unknown_import_is_not_found(client) -> None:
    for path in ("/imports/9", "/imports/9/rejects.csv"):
        assert (await client.get(path)).status_code == 404


async def test_several_files_land_whole_in_the_folder(client, settings: Settings) -> None:
    big = b"customer_id\n" + b"C1\n" * 700_000
    answer = await client.post(
        "/imports", files=[("file", ("orders.csv", ORDERS)), ("file", ("customers.CSV", big))]
    )
    assert answer.status_code == 202
    assert answer.json()["files"] == ["orders.csv", "customers.CSV"]
    found = {path.name: path.read_bytes() for path in settings.input_dir.iterdir()}
    assert found == {"orders.csv": ORDERS, "customers.CSV": big}


async def test_a_name_that_is_taken_gets_a_number(client, settings: Settings) -> None:
    for expected in ("orders.csv", "orders-2.csv", "orders-3.csv"):
        answer = await client.post("/imports", files={"file": ("orders.csv", ORDERS)})
        assert answer.json()["files"] == [expected]
    assert len(list(settings.input_dir.iterdir())) == 3


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("../../../etc/cron.d/x.csv", "x.csv"),
        ("C:\\Users\\me\\orders.csv", "orders.csv"),
        (".hidden.csv", "hidden.csv"),
        ("/abs/olute.csv", "olute.csv"),
        ("a;rm -rf $HOME.csv", "a_rm -rf _HOME.csv"),
        ("Bestellungen März.csv", "Bestellungen März.csv"),
        ("x" * 300 + ".csv", "x" * 116 + ".csv"),
        ("nul\x00byte.csv", "nul_byte.csv"),
        ("漢" * 200 + ".csv", "漢" * 38 + ".csv"),
    ],
)
async def test_names_from_clients_are_never_paths(client, settings, asked, given) -> None:
    body = (
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\""
        + asked.replace("\\", "\\\\").encode()
        + b"\"\r\n\r\n" + ORDERS + b"\r\n--b--\r\n"
    )  # fmt: skip
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post("/imports", content=body, headers=kind)
    assert answer.status_code == 202, answer.text
    assert answer.json()["files"] == [given]
    assert [path.name for path in settings.input_dir.iterdir()] == [given]


@pytest.mark.parametrize("name", ["mapping.toml", "shell.sh", "orders", ".csv", "..", "a.csv.exe"])
async def test_only_csv_files_are_taken(client, settings: Settings, name) -> None:
    answer = await client.post(
        "/imports", files=[("file", ("good.csv", ORDERS)), ("file", (name, ORDERS))]
    )
    assert answer.status_code == 400
    assert list(settings.input_dir.iterdir()) == []


async def test_an_upload_has_at_most_50_files(client, settings: Settings) -> None:
    files = [("file", (f"{number}.csv", ORDERS)) for number in range(51)]
    answer = await client.post("/imports", files=files)
    assert (answer.status_code, "more than 50 files" in answer.json()["detail"]) == (400, True)
    assert list(settings.input_dir.iterdir()) == []
    assert (await client.post("/imports", files=files[1:])).status_code == 202


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("no/where")])
async def test_a_folder_that_is_none_is_said_and_is_no_database(client, settings, make) -> None:
    settings.input_dir.rmdir()
    make(settings.input_dir)
    answer = await client.post("/imports", files={"file": ("orders.csv", ORDERS)})
    assert answer.status_code == 503
    assert "data folder cannot be written" in answer.json()["detail"]


async def test_a_full_disk_is_507_and_leaves_nothing(client, settings, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    files = [("file", ("a.csv", ORDERS)), ("file", ("b.csv", ORDERS))]
    answer = await client.post("/imports", files=files)
    assert (answer.status_code, "no room" in answer.json()["detail"]) == (507, True)
    assert list(settings.input_dir.iterdir()) == []


async def test_an_oversized_upload_leaves_nothing_behind(settings: Settings, api) -> None:
    async with api(settings.model_copy(update={"max_upload_bytes": 5000})) as client:
        answer = await client.post("/imports", files={"file": ("o.csv", b"x" * 10_000)})
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert list(settings.input_dir.iterdir()) == []
        fits = await client.post("/imports", files={"file": ("o.csv", b"x" * 1_000)})
        assert fits.status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nhalf",
        b"not multipart at all",
        b"--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno file\r\n--b--\r\n",
    ],
)  # fmt: skip
async def test_a_broken_body_is_refused_and_leaves_nothing_behind(client, settings, body) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post("/imports", content=body, headers=kind)
    assert answer.status_code == 400
    assert list(settings.input_dir.iterdir()) == []


@pytest.mark.parametrize("kind", ["text/plain", "multipart/mixed", "image/png", ""])
async def test_an_unknown_type_is_refused_with_those_that_are_known(client, settings, kind) -> None:
    answer = await client.post("/imports", content=b"x", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["field"]) == (415, "Content-Type")
    for known in ("multipart/form-data", "text/csv", "application/x-ndjson"):
        assert known in answer.json()["detail"]
    assert list(settings.input_dir.iterdir()) == []


async def test_the_form_without_scripts_leads_back_to_the_list(client, settings) -> None:
    sent = await client.post("/dashboard/imports", files={"files": ("till.csv", b"a,b\n1,2\n")})
    assert (sent.status_code, sent.headers["location"]) == (303, "/dashboard/imports")
    assert (settings.input_dir / "till.csv").read_bytes() == b"a,b\n1,2\n"
    refused = await client.post("/dashboard/imports", files={"files": ("till.exe", b"MZ")})
    assert refused.status_code == 400
    assert "the name must end in .csv" in refused.text
