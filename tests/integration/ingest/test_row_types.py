"""A file of which only some rows are orders: the others are listed and told, not loaded."""

from rfm_common.models import ImportState
from tests.integration.ingest.dropping import Shop

ACTIVITY = """\
Date,Time,TimeZone,Type,Status,Currency,Gross,From Email Address,To Email Address,Transaction ID
09/26/2026,10:02:11,PDT,Website Payment,Completed,USD,45.00,ana@x.test,me@x.test,T1
09/27/2026,10:02:11,PDT,Payment Refund,Completed,USD,-5.00,me@x.test,ana@x.test,T2
09/28/2026,10:02:11,PDT,General Withdrawal,Completed,USD,-40.00,,,T3
"""


async def test_others_do_not_make_a_load_partial(shop: Shop) -> None:
    row = await shop.load("Download.CSV", ACTIVITY)
    assert (row.state, row.rows_new, row.rows_rejected) == (ImportState.LOADED, 2, 1)
    owners = [(order[0], order[1]) for order in (await shop.tables())["orders"]]
    assert owners == [("T1", "ana@x.test"), ("T2", "ana@x.test")]
    [note] = [one for one in row.notes["told"] if one["about"] == "other_type"]
    assert "(General Withdrawal: 1)" in note["text"]
