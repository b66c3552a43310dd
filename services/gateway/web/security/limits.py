"""Rate limits: a bucket per caller that holds a minute's worth and fills steadily.

They are kept by each gateway process. Redis may be away, and no call should fail for that.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from litestar.exceptions import TooManyRequestsException

from gateway.web.security.rules import Limit
from rfm_common.settings import Settings

MOST_BUCKETS = 10_000


@dataclass(slots=True)
class Bucket:
    """How many calls are left, and when that was so."""

    left: float
    at: float


class Limits:
    """The buckets of all callers."""

    def __init__(
        self, per_minute: Mapping[Limit, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_minute = per_minute
        self.clock = clock
        self.buckets: dict[tuple[Limit, str], Bucket] = {}

    def take(self, limit: Limit, caller: str, count: int = 1) -> None:
        """Count calls, or what a call takes; raises 429 with Retry-After when too few are left."""
        most = self.per_minute[limit]
        if not most:
            return
        bucket = self._filled(limit, caller, most)
        count = min(count, most)
        if bucket.left < count:
            seconds = math.ceil((count - bucket.left) * 60 / most)
            raise TooManyRequestsException(
                f"more than {most} {limit} a minute; try again in {seconds} seconds",
                headers={"Retry-After": str(seconds)},
            )
        bucket.left -= count

    def _filled(self, limit: Limit, caller: str, most: int) -> Bucket:
        now = self.clock()
        if len(self.buckets) >= MOST_BUCKETS:
            self._forget(now)
        bucket = self.buckets.setdefault((limit, caller), Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * most / 60)
        bucket.at = now
        return bucket

    def _forget(self, now: float) -> None:
        """Drop callers who were silent for a minute: their buckets are full again."""
        self.buckets = {who: kept for who, kept in self.buckets.items() if now - kept.at < 60}


def limits_of(settings: Settings) -> Limits:
    """The limits that the settings allow; 0 is none."""
    return Limits(
        {
            "logins": settings.logins_per_minute,
            "runs": settings.runs_per_minute,
            "exports": settings.exports_per_minute,
            "customers": settings.customers_per_minute,
        }
    )
