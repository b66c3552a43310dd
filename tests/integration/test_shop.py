"""The test shop is a believable one: a complete snapshot whose parts agree."""

from datetime import timedelta

from rfm_common.db import run_sql
from tests.shop import CALC_DATE, open_shop, score


async def test_each_customer_has_one_row_and_the_statistics_add_up(sessions) -> None:
    run_id = await open_shop(sessions)
    async with sessions() as session:
        counted = (
            await run_sql(
                session,
                "SELECT (SELECT count(*) FROM customers),"
                " (SELECT count(*) FROM rfm_features WHERE calc_date = :calc_date),"
                f" (SELECT count(*) FROM customer_clusters_{run_id}),"
                " (SELECT sum(customer_count) FROM segment_stats)::int",
                calc_date=CALC_DATE,
            )
        ).one()
        segments = await run_sql(session, "SELECT DISTINCT segment_name FROM segment_stats")
        assert set(counted) == {120}
        assert len(segments.all()) == 5


async def test_scoring_a_date_again_replaces_its_snapshot(sessions) -> None:
    await open_shop(sessions)
    again = await score(sessions)
    later = await score(sessions, CALC_DATE + timedelta(days=30))
    async with sessions() as session:
        current = await run_sql(
            session, "SELECT run_id, previous_run_id FROM scoring_runs WHERE is_current ORDER BY 1"
        )
        moved = await run_sql(session, "SELECT sum(customers)::int FROM segment_flows")
        assert current.all() == [(again, None), (later, again)]
        assert moved.scalar() == 120
