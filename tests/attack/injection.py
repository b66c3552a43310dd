"""What files carry: formulas, HTML and SQL in cells, lines in names."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from tests.attack.table import Table
from tests.attack.target import HEADER, Target
from tests.running import drop, eventually

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
PAYLOADS = (
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "<svg onload=alert(1)>",
    '"><img src=x onerror=alert(2)>', "{{7*7}}", "'; DROP TABLE customers; --", "' OR '1'='1",
    "javascript:alert(1)", "</script><script>alert(3)</script>", "${jndi:ldap://x}", "%s%n",
)  # fmt: skip
SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
MARKS = ("<svg onload", "<img src=x", ">49<", "<script>alert(3)", "<b>name")
NAME = 'rows"\r\nSet-Cookie: owned=1\r\n\r\n<b>name.csv'
PAGES = ("/dashboard", "/dashboard/customers", "/dashboard/segments", "/dashboard/imports",
         "/dashboard/imports/{}", "/dashboard/runs", "/dashboard/migrations", "/dashboard/clusters",
         "/dashboard/settings", "/dashboard/exclusions", "/dashboard/help")  # fmt: skip


def _written(rows: list[tuple[str, ...]]) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerows(rows)
    return sink.getvalue()


async def attack(target: Target, table: Table) -> None:
    """A shop whose every cell means harm, scored, then shown."""
    people = [(one, f"p{n}@example.com", one[:40]) for n, one in enumerate(PAYLOADS)]
    sold = [(f"{one[:1]}O{n}-{m}", one, f"{YESTERDAY - timedelta(days=30 * m)}", f"{n + 1}.50",
             "EUR", "completed")
            for n, one in enumerate(PAYLOADS) for m in range(4)]  # fmt: skip
    names = tuple(HEADER.strip().split(","))
    bad = [(f"=BAD{n}", one, "no day", one, "EUR", one) for n, one in enumerate(PAYLOADS)]
    good = [(f"G{n}", "GOOD", f"{YESTERDAY}", "5.00", "EUR", "completed") for n in range(300)]
    await target.loads("people.csv", _written([("customer_id", "email", "country"), *people]))
    await target.loads("sold.csv", _written([names, *sold]))
    drop(target.stack.input, NAME, _written([names, *good, *bad]))
    number = await eventually(lambda: _loaded(target), 90, what="the file with lines in its name")
    run = await target.admin.post("/pipeline/run", headers={"Prefer": "wait=60"})
    table.statuses("injection: a run over such a shop", {200}, [("run", run.status_code)])
    await _pages(target, table, number)
    await _cells(target, table)
    await _headers(target, table, number)
    await _sql(target, table)


async def _loaded(target: Target) -> int | None:
    found = (await target.admin.get("/imports")).json()["imports"]
    ended = [one["import_id"] for one in found if "Set-Cookie" in one["file_name"]
             and one["state"] in {"loaded_with_rejects", "quarantined"}]  # fmt: skip
    return ended[0] if ended else None


async def _pages(target: Target, table: Table, number: int) -> None:
    ids = [f"/dashboard/customers/{quote(one, safe='')}" for one in PAYLOADS]
    outcomes: list[tuple[str, object]] = []
    for path in (*(page.format(number) for page in PAGES), *ids):
        answer = await target.admin.get(path)
        marks = [mark for mark in MARKS if mark in answer.text]
        policy = answer.headers["content-security-policy"]
        is_strict = "script-src 'self';" in policy and "unsafe-eval" not in policy
        outcomes.append((path, "as text" if is_strict and not marks else f"{marks} {policy}"))
        assert answer.status_code in {200, 404}, path
    table.add("injection: HTML and templates in pages", "as text", outcomes,
              lambda _, shown: shown == "as text")  # fmt: skip


async def _cells(target: Target, table: Table) -> None:
    """Every CSV of the API, and those in the data folder."""
    document = (await target.admin.get("/openapi.json")).json()["paths"]
    paths = [path for path in document if path.endswith(".csv") and "{" not in path]
    imports = (await target.admin.get("/imports")).json()["imports"]
    texts: dict[str, str] = {}
    for path in (*paths, "/export/segments/all", "/export/segments/all?mode=changes",
                 f"/customers/{quote(PAYLOADS[0], safe='')}/orders.csv",
                 *(f"/imports/{one['import_id']}/rejects.csv" for one in imports)):  # fmt: skip
        answer = await target.admin.get(path)
        if answer.status_code == 200:
            texts[path] = answer.text
    folder = target.stack.folder / "data/quarantine"
    texts |= {path.name: path.read_text() for path in folder.glob("*.rejects.csv")}
    outcomes: list[tuple[str, object]] = []
    for name, text in texts.items():
        cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        wrong = [cell for cell in cells if cell.startswith(SIGNS) and not _is_number(cell)]
        outcomes.append((f"{name} {wrong[:3]}", len(wrong)))
    table.add(f"injection: formulas in {len(texts)} CSVs", "0 in each", outcomes,
              lambda _, count: count == 0)  # fmt: skip


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


async def _headers(target: Target, table: Table, number: int) -> None:
    outcomes: list[tuple[str, object]] = []
    for path in (f"/imports/{number}/rejects.csv", "/export/segments/all",
                 "/export/segments/a%0d%0aSet-Cookie:%20x=y",
                 "/customers/a%0d%0aSet-Cookie:%20x=y"):  # fmt: skip
        answer = await target.admin.get(path)
        outcomes.append((path, "set-cookie" in answer.headers))
    table.add("injection: lines in headers", "False", outcomes, lambda _, is_in: not is_in)
    log = Path(target.stack.log).read_text(errors="replace")
    forged = [line for line in log.splitlines() if line.startswith("Set-Cookie: owned")]
    table.add("injection: lines of the log", "0", [("log", len(forged))],
              lambda _, count: count == 0)  # fmt: skip


async def _sql(target: Target, table: Table) -> None:
    before = (await target.admin.get("/health")).json()["total_customers"]
    outcomes: list[tuple[str, object]] = []
    for word in ("' OR 1=1 --", "'; DROP TABLE orders; --", "%", "_", "\\", "$1", ":id"):
        for name in ("q", "segment", "country", "after", "sort"):
            answer = await target.admin.get("/customers", params={name: word})
            everybody = answer.status_code == 200 and answer.json()["total"] >= before > 0
            outcomes.append((f"{name}={word}", "everybody" if everybody else "nobody or 4xx"))
    table.add("injection: SQL in filters", "nobody or 4xx", outcomes,
              lambda _, found: found == "nobody or 4xx")  # fmt: skip
    after = (await target.admin.get("/health")).json()["total_customers"]
    table.add("injection: the tables afterwards", "as before", [("customers", after == before)],
              lambda _, same: bool(same))  # fmt: skip
