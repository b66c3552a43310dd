"""Other web pages and other hosts: what a browser could be made to send is refused.

Keys, scopes, logins and rates are in test_access, slow and oversized bodies in test_wire, names
of uploads in test_imports, names and cells of exports in test_exports, and the way of a payload
from a CSV to page, export and header in tests/e2e/test_payloads.
"""

import re
from urllib.parse import unquote, urlsplit

import pytest

from gateway.kit.streams import download
from rfm_common.settings import Settings

HEADER = re.compile(
    r"attachment; filename=\"([\w.-]+\.csv)\"; filename\*=UTF-8''([\w.~%-]*\.csv)", re.ASCII
)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8701", ""]
)
async def test_a_rebound_name_is_not_answered(client, shop, host) -> None:
    for method, path in (("GET", "/segments"), ("GET", "/dashboard"), ("POST", "/pipeline/run")):
        answer = await client.request(method, path, headers={"Host": host})
        assert answer.status_code == 400
        assert "RFM_ALLOWED_HOSTS" in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:8701", "LOCALHOST:80", "[::1]:8701"])
async def test_loopback_goes_by_all_its_names(reader, host) -> None:
    assert (await reader.get("/segments", headers={"Host": host})).status_code == 200


async def test_more_names_can_be_allowed(settings: Settings, api) -> None:
    update = {"allowed_hosts": frozenset({"rfm.example"})}
    async with api(settings.model_copy(update=update)) as client:
        assert (await client.get("/runs", headers={"Host": "rfm.example"})).status_code == 200
        assert (await client.get("/runs", headers={"Host": "other.example"})).status_code == 400


async def test_the_address_to_listen_on_may_be_a_name(settings: Settings, api) -> None:
    async with api(
        settings.model_copy(update={"api_host": "Shop.example", "auth": "off"})
    ) as client:
        assert (await client.get("/runs", headers={"Host": "shop.example:8701"})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8701"},
    ],
)
async def test_another_site_cannot_change_anything(client, headers) -> None:
    for path in ("/pipeline/run", "/runs/1/cancel", "/imports"):
        answer = await client.post(path, headers=headers)
        assert answer.status_code == 403, path
    assert (await client.get("/runs")).json()["total"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8701"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://127.0.0.1:8701"},
    ],
)
async def test_its_own_pages_and_programs_can(client, headers) -> None:
    assert (await client.post("/pipeline/run", headers=headers)).status_code == 202


@pytest.mark.parametrize("path", ["/export/segments/all", "/events", "/customers", "/dashboard"])
@pytest.mark.parametrize(
    ("mode", "dest", "status"),
    [
        ("no-cors", "image", 403),
        ("no-cors", "script", 403),
        ("cors", "empty", 403),
        ("navigate", "iframe", 403),
        ("navigate", "object", 403),
        ("", "", 403),
    ],
)
async def test_what_another_site_loads_is_not_carried_out(reader, path, mode, dest, status) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    assert (await reader.get(path, headers=headers)).status_code == status
    headers["Sec-Fetch-Site"] = "same-site"
    assert (await reader.get(path, headers=headers)).status_code == status


@pytest.mark.parametrize("path", ["/export/segments/all", "/customers", "/dashboard"])
async def test_what_another_site_fetches_over_plain_http_is_not_carried_out(reader, path) -> None:
    """Browsers say Sec-Fetch-Site to trustworthy addresses only, and Origin when they fetch."""
    answer = await reader.get(path, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


async def test_a_link_of_another_site_is_followed(reader) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
               "Sec-Fetch-Dest": "document"}  # fmt: skip
    assert (await reader.get("/dashboard", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://[", "http://]", "http://[::1", "//[x", "http://a\u2100b"]
)
async def test_a_malformed_origin_is_refused_with_400(client, origin) -> None:
    answer = await client.post("/pipeline/run", headers={"Origin": origin.encode()})
    assert answer.status_code == (400 if {"[", "]"} & {*origin} else 403), answer.text


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"k":' * 100_000, b'{"calc_date":[' * 50_000])
async def test_a_body_without_end_of_nesting_is_refused_with_400(client, body) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/pipeline/run", content=body, headers=headers)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("path", ["/pipeline/run", "/webhooks", "/settings"])
@pytest.mark.parametrize(
    "body", [b'{"k": "\xff"}', b'{"\xc3": 1}', b'["\xed\xa0\x80"]', b"\xff\xfe{"]
)
async def test_a_body_that_is_not_utf_8_is_refused_with_400(client, path, body) -> None:
    method = "PATCH" if path == "/settings" else "POST"
    headers = {"Content-Type": "application/json"}
    answer = await client.request(method, path, content=body, headers=headers)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("path", ["/imports", "/login", "/dashboard/imports"])
@pytest.mark.parametrize("boundary", [b"b" * 5000, b"a\xff", b"", b'"', b";;", b"b" * 257])
async def test_a_boundary_that_is_none_is_refused_with_400(client, path, boundary) -> None:
    headers = {b"Content-Type": b"multipart/form-data; boundary=" + boundary}
    answer = await client.post(path, content=b"--x--\r\n", headers=headers)
    assert answer.status_code == 400, answer.text


async def test_scripts_of_the_cdn_are_named_one_by_one(settings, api) -> None:
    for cdn, is_own in (("on", False), ("off", True)):
        async with api(settings.model_copy(update={"cdn": cdn})) as client:
            found = (await client.get("/health")).headers["content-security-policy"]
        rules = dict(rule.split(" ", 1) for rule in found.split("; "))
        for name in ("script-src", "connect-src"):
            own, *others = rules[name].split()
            assert own == "'self'"
            assert len(others) == (0 if is_own else 4)
            assert all(urlsplit(other).path.endswith(".js") for other in others)


async def test_every_answer_carries_the_headers(reader) -> None:
    paths = ("/segments", "/customers/nobody", "/no/such/path", "/docs", "/static/app.css")
    for path in paths:
        headers = (await reader.get(path)).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"


async def test_a_page_may_run_nothing_of_others_and_stand_in_no_frame(reader) -> None:
    policy = (await reader.get("/dashboard")).headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["script-src"].split()[0] == "'self'"
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:"} & set(rules["script-src"].split())
    assert rules["frame-ancestors"] == rules["object-src"] == rules["base-uri"] == "'none'"
    assert rules["form-action"] == rules["default-src"] == "'self'"


@pytest.mark.parametrize(
    "name",
    [
        'a"; filename="b.exe', "a\r\nSet-Cookie: owned=1", "../../etc/passwd", "a\x00b", "ü – 漢字",
        "C:\\evil", "a\u202efdp.exe", "%0d%0aX: 1", "", "x" * 5000,
    ],
)  # fmt: skip
def test_a_name_of_an_export_stays_a_name(name) -> None:
    """Quotes do not end it, line ends add no header, slashes leave no folder."""
    header = download(name)["Content-Disposition"]
    found = HEADER.fullmatch(header)
    assert found, header
    plain, full = found.groups()
    decoded = unquote(full)
    assert not set("\r\n\0/\\") & set(plain + decoded)
    assert len(header) < 2500


async def test_answers_are_compressed_but_not_streams(reader) -> None:
    answer = await reader.get("/customers", params={"page_size": 1000})
    assert answer.headers["content-encoding"] == "gzip"
    export = await reader.get("/export/segments/all")
    assert "content-encoding" not in export.headers


async def test_unknown_paths_and_methods_are_problems_too(client) -> None:
    missing = await client.get("/no/such/path")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)
    wrong = await client.delete("/segments")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["allow"]
    for answer in (missing, wrong):
        assert answer.headers["content-type"] == "application/problem+json"
