"""`python -m scoring.selfcheck`: compare, print the table, exit with 1 if a figure differs.

With `--json`, a list of the comparisons instead of the table.
"""

import asyncio
import json
import sys

from rfm_common.db import Sessions, open_sessions
from rfm_common.settings import Settings
from scoring.selfcheck.clusters import check_clusters
from scoring.selfcheck.scores import check_figures, check_scores
from scoring.selfcheck.table import table
from scoring.value import published
from scoring.value.published import Checked


async def check(sessions: Sessions) -> list[Checked]:
    """Everything. The database is used, but nothing in it is read or changed."""
    async with sessions() as session:
        figures = await check_figures(session)
        await session.rollback()
    return [*figures, *check_scores(), *check_clusters(), *published.check()]


async def main() -> int:
    """The exit code."""
    async with open_sessions(Settings(), "selfcheck", 1) as sessions:
        checked = await check(sessions)
    listed = [one._asdict() | {"agrees": one.agrees} for one in checked]
    sys.stdout.write(f"{json.dumps(listed) if '--json' in sys.argv else table(checked)}\n")
    return int(not all(one.agrees for one in checked))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
