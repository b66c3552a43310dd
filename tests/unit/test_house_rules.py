"""The rules of docs/architecture.md and CONTRIBUTING.md that a linter does not know, executed.

What ruff (complexity, prints, docstrings), mypy (types) and import-linter (who may import whom)
check is not repeated here: `make check` runs all of them.
"""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTION_LINES = 50
MODULE_LINES = 400
NESTING = 3

# The edges of the processes: where settings are read from the environment.
EDGES = re.compile(
    r"__main__\.py$|^libs/rfm_cli/|^migrations/env\.py$|^libs/rfm_common/startup\.py$"
)
# Modules whose functions turn values into values.
PURE = (
    "ingest/reading", "scoring/model", "scoring/value", "scoring/snapshot/features",
    "gateway/charts/figures", "gateway/charts/points", "gateway/kit/schemas",
)  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


PRODUCT = modules("services", "libs", "tools")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def depth(node: ast.AST) -> int:
    """How deep blocks stand inside each other; `elif` is no deeper than its `if`."""
    inner = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.Lambda):
            continue  # counted on its own
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        inner = max(inner, depth(child) + (isinstance(child, BLOCKS) and not is_elif))
    return inner


def imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[int(len(values) * share)]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def test_functions_are_short() -> None:
    """A function that fits the eye is read, a longer one is believed."""
    lengths = [length(node) for path in PRODUCT for node in functions(path)]
    too_long = [
        f"{name_of(path)}:{node.lineno} {node.name}: {length(node)} lines"
        for path in PRODUCT
        for node in functions(path)
        if length(node) > FUNCTION_LINES
    ]
    assert too_long == []
    assert statistics.median(lengths) <= 8
    assert percentile(lengths, 0.9) <= 25


def test_modules_have_one_subject() -> None:
    """A module that grows past the budget has a second subject: give it a file of its own."""
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in PRODUCT}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_blocks_are_not_nested_deep() -> None:
    """The fourth level of a block is a function that has no name yet."""
    assert [
        f"{name_of(path)}:{node.lineno} {node.name}: {depth(node)} levels"
        for path in PRODUCT
        for node in functions(path)
        if depth(node) > NESTING
    ] == []


def test_settings_are_read_at_the_edges() -> None:
    """`Settings()` looks at the environment: inside, settings are handed on, and tests set them."""
    assert [
        f"{name_of(path)}:{node.lineno}"
        for path in [*PRODUCT, *modules("migrations")]
        if not EDGES.search(name_of(path))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Settings")
    ] == []


def test_pure_modules_know_no_session_and_no_settings() -> None:
    """Values in, values out: what they compute can be tried in a shell and tested in a line."""
    forbidden = {"AsyncSession", "Sessions", "Settings", "run_sql", "Redis"}
    assert [
        f"{name_of(path)}:{node.lineno} {alias.name}"
        for path in PRODUCT
        if name_of(path).removeprefix("services/").startswith(PURE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in forbidden
    ] == []


def test_migrations_know_the_shared_library_only() -> None:
    """They must run in every image, where one service's code is or none."""
    allowed = {"alembic", "rfm_common", "sqlalchemy", "sqlmodel"} | sys.stdlib_module_names
    assert [
        f"{name_of(path)}:{node.lineno} {name}"
        for path in modules("migrations")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imports(node)
        if name.split(".")[0] not in allowed
    ] == []


IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.bind"}:
        raise RuntimeError(f"{event} at import")

sys.addaudithook(refuse)
for package in ("ingest", "scoring", "gateway", "rfm_common", "rfm_cli", "rfm_spark"):
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, package + "."):
        if module.name.endswith(".__main__"):  # these run
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in ("grpc", "pyspark"):  # installed on demand
                raise
"""


def test_nothing_connects_at_import(tmp_path: Path) -> None:
    """An import is free: no server, no socket, no settings, also in a strange folder."""
    program = tmp_path / "everything.py"  # a file: Spark's client takes `-c` for a doctest
    program.write_text(IMPORT_EVERYTHING)
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, check=False,
        capture_output=True, text=True, env={"MPLCONFIGDIR": str(tmp_path), "API_PORT": "wrong"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_nothing_that_names_a_package_host_is_tracked() -> None:
    """A clone works with whatever index its user has, and carries no path of one machine."""
    names = {path.name for path in tracked()}
    assert names.isdisjoint({"uv.lock", "package-lock.json", "poetry.lock"})
    # Written so that this file does not match itself.
    hosts = re.compile(
        rb"p[y]pi\.org|pythonhoste[d]|npmj[s]\.(org|com)|deb\.debia[n]"
        rb"|/(work/main|home/[a-z]+|Users/[A-Za-z]+)/"
    )
    assert [name_of(path) for path in tracked() if hosts.search(path.read_bytes())] == []


def test_every_decision_is_numbered_once() -> None:
    """Decisions are cited by number."""
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers[:1] == [1]
    assert all(later - earlier == 1 for earlier, later in pairwise(numbers))
