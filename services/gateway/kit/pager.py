"""The previous and next page of a list, as addresses."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from litestar import Request

from gateway.kit.rows import Page
from rfm_common.errors import InvalidInputError

LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the reader is in a list of `total` rows."""

    previous_url: str | None
    next_url: str | None


def query(**values: object) -> str:
    """The end of an address, with a question mark; empty when nothing is given."""
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""


def asked_page(request: Request[Any, Any, Any], size: int) -> Page:
    """The page of `?page=`, the first without it."""
    given = request.query_params.get("page") or "1"
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= LARGEST:
        raise InvalidInputError(f"page: {given!r} is not a number from 1 to {LARGEST}")
    return Page(int(given), size)


def build_pager(path: str, page: Page, shown: int, total: int, **more: str) -> Pager:
    """Links from `page`, of which `shown` rows are on the screen; `more` parameters are kept."""
    kept = {name: value for name, value in more.items() if value}

    def url(number: int) -> str:
        return f"{path}?{urlencode(kept | {'page': number})}"

    return Pager(
        previous_url=url(page.number - 1) if page.number > 1 else None,
        next_url=url(page.number + 1) if page.skip + shown < total else None,
    )
