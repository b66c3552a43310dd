"""Requests that no client should send: each is refused, and none is an error of the server."""

from collections.abc import Iterator
from typing import Any

from tests.attack.table import Table
from tests.attack.target import Target

SEGMENTS = ("%", "%zz", "%00", "%c0%ae", "%ff", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2f..%2f",
            "%0d%0aSet-Cookie:%20a=b", "'%20OR%201=1--", "%F0%9F%92%A9", "-1", "9" * 40, "1e9",
            "NaN", "x" * 2000)  # fmt: skip
"""What may stand where a path has a parameter."""
VALUES = ("%00", "%", "%zz", "%ff", "'", "';DROP TABLE customers--", "-1", "0", "9" * 30, "1e999",
          "NaN", "[]", "x" * 3000, "%0d%0a", "9999-12-31", "0001-01-01T00:00:00Z")  # fmt: skip


def head(line: str, *headers: str) -> bytes:
    """A request without a body."""
    return "\r\n".join((f"{line} HTTP/1.1", *headers, "Connection: close", "", "")).encode()


async def attack(target: Target, table: Table) -> None:
    """Heads, bodies, paths and queries."""
    document = (await target.admin.get("/openapi.json")).json()["paths"]
    await _heads(target, table)
    await _bodies(target, table)
    await _paths(target, table, document)
    await _queries(target, table, document)


async def _heads(target: Target, table: Table) -> None:
    host = "Host: 127.0.0.1"
    long = {
        "a header of 120,000 bytes": head("GET /login", host, "X: " + "x" * 120_000),
        "an address of 120,000 bytes": head("GET /login?" + "x" * 120_000, host),
        "150 headers": head("GET /login", host, *(f"X-{n}: 1" for n in range(150))),
        "headers without end": head("GET /login", host, *(f"X-{n}: 1" for n in range(20_000))),
    }
    table.statuses("requests: long heads", {400, 431}, await _each(target, long))
    hosts = ("evil.example", "127.0.0.1.evil.example", "[", "::1", "localhost@evil", "a b", "")
    rebound = {one: head("GET /login", f"Host: {one}") for one in hosts}
    rebound["two hosts"] = head("GET /login", host, "Host: evil.example")
    rebound["none"] = head("GET /login")
    table.statuses("requests: unknown hosts", {400}, await _each(target, rebound))
    overrides = ("X-HTTP-Method-Override: DELETE", "X-Original-URL: /health",
                 "X-Rewrite-URL: /health", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1",
                 "Forwarded: for=127.0.0.1", "X-Forwarded-Host: localhost", "Authorization: Bearer",
                 "Authorization: Basic YTpi", "Cookie: rfm_session_8701=x")  # fmt: skip
    asked = {one: head("GET /customers", host, one) for one in overrides}
    table.statuses("requests: headers that claim to be somebody", {401}, await _each(target, asked))


async def _each(target: Target, requests: dict[str, bytes]) -> list[tuple[str, object]]:
    return [(name, await target.raw(request)) for name, request in requests.items()]


async def _bodies(target: Target, table: Table) -> None:
    deep = {"lists": b"[" * 500_000, "objects": b'{"k":' * 200_000,
            "a list in a field": b'{"k":' + b"[" * 300_000, "no UTF-8": b'{"k": "\xff"}',
            "a number without end": b'{"k": ' + b"9" * 100_000 + b"}",
            "half": b'{"k', "a surrogate": b'{"k": "\\ud800"}'}  # fmt: skip
    calls = (("POST", "/pipeline/run"), ("POST", "/webhooks"), ("PATCH", "/settings"))
    outcomes: list[tuple[str, object]] = []
    for method, path in calls:
        for name, body in deep.items():
            answer = await target.admin.request(
                method, path, content=body, headers={"Content-Type": "application/json"}
            )
            outcomes.append((f"{method} {path}: {name}", answer.status_code))
    table.statuses("requests: JSON that is none, or too deep", {400}, outcomes)
    key = f"Authorization: Bearer {target.keys['admin']}"
    large = head("POST /pipeline/run", "Host: 127.0.0.1", key, f"Content-Length: {2**20 + 1}")
    table.statuses(
        "requests: a body of more than 1 MiB", {413}, [("JSON", await target.raw(large))]
    )


async def _paths(target: Target, table: Table, document: dict[str, Any]) -> None:
    key = f"Authorization: Bearer {target.keys['admin']}"
    outcomes: list[tuple[str, object]] = []
    for method, path in _with_parameters(document):
        for segment in target.random.sample(SEGMENTS, 5):
            asked = "/".join(segment if "{" in part else part for part in path.split("/"))
            status = await target.raw(head(f"{method} {asked}", "Host: 127.0.0.1", key))
            outcomes.append((f"{method} {asked[:80]}", status))
    table.add("requests: odd values in every path", "below 500", outcomes, _is_refusal)


def _with_parameters(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, calls in document.items():
        if "{" in path:
            yield from ((method.upper(), path) for method in calls if method != "parameters")


async def _queries(target: Target, table: Table, document: dict[str, Any]) -> None:
    key = f"Authorization: Bearer {target.keys['admin']}"
    outcomes: list[tuple[str, object]] = []
    for path, calls in document.items():
        if path == "/events" or "{" in path or "get" not in calls:
            continue
        names = [one["name"] for one in calls["get"].get("parameters", ()) if one["in"] == "query"]
        for name in (*names, "unknown"):
            for value in target.random.sample(VALUES, 3):
                asked = f"{path}?{name}={value}".replace(" ", "%20")
                request = head(f"GET {asked}", "Host: 127.0.0.1", key)
                outcomes.append((asked[:80], await target.raw(request)))
    table.add("requests: odd values in every query", "below 500", outcomes, _is_refusal)


def _is_refusal(_: str, status: object) -> bool:
    return isinstance(status, int) and 200 <= status < 500
