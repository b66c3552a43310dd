"""Python and PostgreSQL agree on what a spreadsheet would run as a formula."""

import pytest

from rfm_common.db import Sessions, run_sql
from rfm_common.spreadsheets import FORMULA, harmless, harmless_sql


@pytest.mark.parametrize("sign", FORMULA)
def test_each_sign_of_a_formula_is_made_harmless(sign: str) -> None:
    assert harmless(f"{sign}x") == f"'{sign}x"
    assert harmless(f"x{sign}") == f"x{sign}"


async def test_the_database_agrees(sessions: Sessions) -> None:
    texts = [f"{sign}SUM(A1)" for sign in FORMULA if sign != "\0"]
    texts += [f"x{text}" for text in texts] + ["", "'=x", "plain", "\\=x", "日本"]
    async with sessions() as session:
        statement = f"SELECT {harmless_sql('cell')} FROM unnest(CAST(:texts AS text[])) AS t (cell)"
        found = (await run_sql(session, statement, texts=texts)).scalars().all()
    assert found == [harmless(text) for text in texts]
