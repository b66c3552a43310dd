"""The self-check agrees with what others published, and leaves the shop alone."""

import asyncio
import sys
from pathlib import Path

from rfm_common.db import run_sql
from scoring.selfcheck.__main__ import check
from scoring.selfcheck.table import table
from scoring.value.published import Checked
from tests.integration.scoring.shop import ShopOrder, at, load
from tests.running import environment

PAGE = Path(__file__).parents[3] / "docs" / "selfcheck.md"


async def test_every_figure_is_as_published_and_in_the_guide(sessions) -> None:
    checked = await check(sessions)
    assert [one for one in checked if not one.agrees] == []
    assert len(checked) == 33
    assert f"```text\n{table(checked)}\n```" in PAGE.read_text("utf-8")


async def test_the_shops_own_tables_are_neither_read_nor_changed(sessions) -> None:
    """Not even where a customer of the shop has the same name."""
    await load(sessions, [ShopOrder("O1", "Add Senger", at("2006-12-01"), 5)], customers=["eve"])
    assert all(one.agrees for one in await check(sessions))
    async with sessions() as session:
        for name, count in (("orders", 1), ("customers", 2)):
            found = await run_sql(session, f"SELECT count(*) FROM {name}")
            assert found.scalar_one() == count


async def test_the_command_prints_the_table_and_ends_well(settings) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rfm_cli", "selfcheck", env=environment(settings), cwd="/",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output
    assert output.decode().endswith("All 33 figures are as published.\n")


def test_what_differs_is_named() -> None:
    lines = table([Checked("a", "1.0", "1.0", "x"), Checked("b", "2", "3", "y"),
                   Checked("c", "4", "4", "x")]).splitlines()  # fmt: skip
    assert [line.split() for line in lines[:4]] == [
        ["what", "published", "here", "source", "ok"], ["a", "1.0", "1.0", "[1]", "yes"],
        ["b", "2", "3", "[2]", "NO"], ["c", "4", "4", "[1]", "yes"],
    ]  # fmt: skip
    assert lines[4:] == ["", "[1] x", "[2] y", "", "1 of 3 figures are not as published: b."]
