"""The rules of the gateway that need no server: names, cells, addresses, dates, descriptions."""

from datetime import datetime

import pytest

from gateway.__main__ import check_entrance
from gateway.imports.schemas import Dropped
from gateway.kit.folder import safe_name
from gateway.kit.guide import slug
from gateway.kit.prefer import wait_seconds
from gateway.kit.responses import csv_text
from gateway.kit.snapshots import asked_range
from gateway.web.security.site import host_name, is_cross_site
from rfm_cli.processes import free_port
from rfm_common.credentials import is_loopback
from rfm_common.errors import InvalidInputError
from rfm_common.settings import Settings

SETTINGS = Settings(_env_file=None, timezone="Europe/Berlin")  # type: ignore[call-arg]


def test_lists_in_csv_cells_are_json() -> None:
    rows = [Dropped(files=["a.csv", 'b".csv'], message="=x")]
    text = csv_text(Dropped, rows)
    assert text == 'files,message\r\n"[""a.csv"",""b\\"".csv""]",\'=x\r\n'


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("orders.csv", "orders.csv"),
        ("a/b\\c.TSV", "c.TSV"),
        ("..\\..\\x.txt", "x.txt"),
        ("ＡＢ.csv", "AB.csv"),
        ("orders.csv.gz", "orders.csv.gz"),
        ("Bücher.XLSX", "Bücher.XLSX"),
        ("x.exe", None),
        ("", None),
        ("...", None),
        (".csv", None),
        ("/", None),
    ],
)
def test_safe_names(client, name) -> None:
    assert safe_name(client) == name


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("rfm.example", False)],
)  # fmt: skip
def test_loopback_addresses(address, expected) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize(
    ("host", "auth", "warned"),
    [("127.0.0.1", "on", False), ("127.0.0.1", "off", False), ("0.0.0.0", "off", True)],
)
async def test_a_gateway_open_to_everybody_says_so(caplog, host, auth, warned) -> None:
    await check_entrance(SETTINGS.model_copy(update={"api_host": host, "auth": auth}))
    assert ("no login" in caplog.text) is warned


async def test_without_a_database_a_gateway_starts_and_still_asks_for_a_key(caplog) -> None:
    update = {"api_host": "0.0.0.0", "db_host": "127.0.0.1", "db_port": free_port()}
    await check_entrance(SETTINGS.model_copy(update=update))
    assert "callers need one all the same" in caplog.text


@pytest.mark.parametrize(
    ("header", "name"),
    [("LocalHost:80", "localhost"), ("[::1]:8701", "::1"), ("a.b.", "a.b"), ("", ""),
     ("127.0.0.1@evil.example", "evil.example")],
)  # fmt: skip
def test_host_names(header, name) -> None:
    assert host_name(header) == name


def test_fetch_metadata_counts_before_the_origin() -> None:
    assert is_cross_site({"sec-fetch-site": "cross-site", "origin": "http://h", "host": "h"})
    assert not is_cross_site({"sec-fetch-site": "same-origin", "origin": "http://x", "host": "h"})
    assert not is_cross_site({"origin": "http://H:80", "host": "h:80"})
    assert is_cross_site({"origin": "null", "host": "h"})
    assert not is_cross_site({"host": "h"})


def test_a_date_is_a_day_of_the_shop() -> None:
    first, last = asked_range("2024-06-30", SETTINGS)
    assert (first.isoformat(), last.isoformat()) == (
        "2024-06-30T00:00:00+02:00",
        "2024-06-30T23:59:59.999999+02:00",
    )


@pytest.mark.parametrize(
    "text", ["2024-06-30T10:00:00+05:30", "2024-06-30T10:00:00 05:30", "2024-06-30T06:30:00"]
)
def test_a_date_time_is_a_moment_also_when_its_plus_was_not_encoded(text) -> None:
    moment = datetime.fromisoformat("2024-06-30T04:30:00+00:00")
    assert asked_range(text, SETTINGS) == (moment, moment)


@pytest.mark.parametrize("text", ["2024-13-01", "now", "2024-06-30T25:00", "1", "0000-01-01"])
def test_no_date_is_named(text) -> None:
    with pytest.raises(InvalidInputError, match="calc_date"):
        asked_range(text, SETTINGS)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 0), ("wait=5", 5), ("respond-async, wait=10", 10), ("WAIT = 7", 7), ("wait=-1", 0),
     ("await=3", 0), ("wait=999999", 300), ("wait", 0)],
)  # fmt: skip
def test_preferences(header, seconds) -> None:
    assert wait_seconds(header) == seconds


def test_slugs() -> None:
    assert slug("Need Attention") == slug("need-attention") == "need-attention"
