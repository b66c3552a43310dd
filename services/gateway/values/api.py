"""`GET /values/trust`: what was expected of the shop's past, beside what came."""

from litestar import get

from gateway.kit.dependencies import SessionDep
from gateway.values.queries import find_report
from gateway.values.schemas import TrustReport
from rfm_common.errors import NotFoundError

NOTHING = (
    "nothing has been judged yet: that begins a few seconds after the first scores, when what"
    " customers are expected to buy has been computed"
)


@get("/values/trust", summary="How far to trust the expected figures", tags=["Customers"])
async def trust(session: SessionDep) -> TrustReport:
    """The shop's own past is cut 90, 30 and 180 days before the newest snapshot.

    A model is fitted on what was known by then, and what it would have expected is compared with
    what came: in total, by tenth of the customers, week by week, and as a ranking beside plain
    ones. `ranking.by` is what lists that look ahead are ranked by: a plain ranking wherever it
    does as well. Judged once a day, again when the data or the model is clearly another.
    """
    report = await find_report(session)
    if report is None:
        raise NotFoundError(NOTHING)
    return report
