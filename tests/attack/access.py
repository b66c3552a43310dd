"""Keys, logins, sessions, and pages of other websites."""

import asyncio
import re
import secrets
from typing import Any

import httpx

from tests.attack.table import Table
from tests.attack.target import Target

OPEN = {"/health", "/health/ready"}
"""Calls of the API that need no key."""
ELSEWHERE = ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example")
PICTURE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
COSTLY = ("/export/segments/all", "/events", "/visualization/plot", "/customers", "/metrics",
          "/imports/1/rejects.csv", "/audit")  # fmt: skip


async def attack(target: Target, table: Table) -> None:
    """Get in without a right, and do with a right what it does not allow."""
    document = (await target.admin.get("/openapi.json")).json()["paths"]
    await _scopes(target, table, document)
    await _other_sites(target, table)
    await _sessions(target, table)
    await _guessing(target, table)


async def _scopes(target: Target, table: Table, document: dict[str, Any]) -> None:
    calls = [
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, found in document.items() for method in found if method != "parameters"
    ]  # fmt: skip
    closed = [(method, path) for method, path in calls if path not in OPEN]
    asked = [(one, await _status(target.nobody, one, {})) for one in closed]
    table.statuses("access: every call without a key", {401}, [(str(n), s) for n, s in asked])
    changes = [call for call in closed if call[0] != "GET"]
    few = [(str(call), await _status(target.nobody, call, target.bearer("read")))
           for call in (*changes, ("GET", "/audit"), ("GET", "/webhooks"), ("GET", "/erasures"),
                        ("GET", "/export/segments/all"), ("GET", "/imports/1/rejects.csv"),
                        ("GET", "/imports/1/preview"))]  # fmt: skip
    table.statuses("access: what a key that only reads may not", {403}, few)
    grave = [("DELETE", "/customers/x"), ("PATCH", "/settings"), ("POST", "/webhooks"),
             ("POST", "/login/links"), ("DELETE", "/snapshots/1"), ("GET", "/audit")]  # fmt: skip
    other = [(f"{scope}: {call}", await _status(target.nobody, call, target.bearer(scope)))
             for scope in ("run", "export") for call in grave]  # fmt: skip
    table.statuses("access: what only an administrator may", {403}, other)


async def _status(
    client: httpx.AsyncClient, call: tuple[str, str], headers: dict[str, str]
) -> object:
    return (await client.request(*call, headers=headers)).status_code


async def _other_sites(target: Target, table: Table) -> None:
    posts = [(origin, (await target.admin.post("/pipeline/run", headers={"Origin": origin}))
              .status_code) for origin in ELSEWHERE]  # fmt: skip
    table.statuses("access: changes from another website", {403}, posts)
    pictures = [(path, (await target.admin.get(path, headers=PICTURE)).status_code)
                for path in COSTLY]  # fmt: skip
    table.statuses("access: what another website loads as a picture", {403}, pictures)
    odd = ("http://[", "http://]", "//[x")
    broken = [(one, (await target.admin.post("/pipeline/run", headers={"Origin": one})).status_code)
              for one in odd]  # fmt: skip
    table.statuses("access: an origin that is none", {400}, broken)


async def _sessions(target: Target, table: Table) -> None:
    url = (await target.admin.post("/login/links")).json()["url"]
    data = {"link": url}
    answers = await asyncio.gather(*(target.nobody.post("/login", data=data) for _ in range(8)))
    codes = sorted(one.status_code for one in answers)
    once = codes[:1] == [303] and set(codes[1:]) <= {401, 429}
    table.add("access: one login link, eight at once", "303 once", [(str(codes), once)],
              lambda _, held: bool(held))  # fmt: skip
    cookie = next(one for one in answers if one.status_code == 303).headers["set-cookie"]
    flags = [(flag, flag in cookie.lower()) for flag in ("httponly", "samesite=lax", "path=/")]
    table.add("access: flags of the cookie", "True", flags, lambda _, is_there: bool(is_there))
    target.nobody.cookies.clear()
    shown = {"Cookie": cookie.partition(";")[0]}
    inside = (await target.nobody.get("/customers", headers=shown)).status_code
    away = {"Origin": "https://evil.example"}
    forged = (await target.nobody.post("/logout", headers=shown | away)).status_code
    await target.nobody.post("/logout", headers=shown)
    after = (await target.nobody.get("/customers", headers=shown)).status_code
    table.add("access: a session, a logout by another website, a logout", "404 or 200, 403, 401",
              [("in turn", (inside, forged, after))],
              lambda _, found: found in {(200, 403, 401), (404, 403, 401)})  # fmt: skip
    target.nobody.cookies.clear()


async def _guessing(target: Target, table: Table) -> None:
    """Last, because guesses from here are refused for a while afterwards."""
    made = [f"rfm_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}" for _ in range(40)]
    outcomes: list[tuple[str, object]] = []
    for number, key in enumerate(made):
        claimed = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"10.0.0.{number}"}
        outcomes.append((key, await _status(target.nobody, ("GET", "/customers"), claimed)))
    table.statuses("access: guessed keys from invented addresses", {401, 429}, outcomes)
    late = [(key, code) for key, code in outcomes[15:]]
    table.statuses("access: the same, after the first 15", {429}, late)
    right = await _status(target.nobody, ("GET", "/segments"), target.bearer("read"))
    table.statuses("access: a right key meanwhile", {200, 404}, [("read", right)])
