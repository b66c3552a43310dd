"""From a view (a template's typed context) to an HTML response."""

import hashlib
from dataclasses import fields
from functools import cache, partial
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response
from markupsafe import Markup

from gateway.kit.guide import guide
from gateway.kit.outlook import SHOWN
from gateway.kit.pager import query
from rfm_common.filenames import TABLES

GATEWAY = Path(__file__).resolve().parents[1]
STATIC = GATEWAY / "web" / "static"
TEMPLATES: list[Path | PathLike[str] | str] = [*sorted(GATEWAY.glob("*/templates"))]
"""Each subject's own; a name occurs once among all of them."""


class View(Protocol):
    """A dataclass whose fields are all that its template may use."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    template: ClassVar[str]


@cache
def static(name: str) -> str:
    """The URL of a static file, with a mark that changes with its content."""
    content = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# The usual filter leaves slashes as they are, which an id may have.
environment.filters["urlencode"] = partial(quote, safe="")
environment.globals |= {
    "static": static,
    "guide_of": guide,
    "accepted": ",".join(TABLES),
    "query_string": query,
    "expected_columns": SHOWN,
}


def render(view: View) -> Markup:
    """The HTML of a view; a name that the view lacks is an error, not a blank."""
    context = {field.name: getattr(view, field.name) for field in fields(view)}
    return Markup(environment.get_template(view.template).render(context))  # noqa: S704


def answer(view: View, status: int = 200) -> Response[str]:
    """A page or a part of one; never cached, for it shows live data."""
    return Response(
        str(render(view)),
        status_code=status,
        media_type=MediaType.HTML,
        headers={"Cache-Control": "no-store", "Vary": "Accept-Language"},
    )
