"""Browser libraries of others: from a CDN with a pinned hash, and a local copy for without.

The gateway fetches each file once into its state folder, from the CDN or else with `npm pack`,
and serves it under `/vendor/`. Nothing of theirs is committed, and no byte is used that does
not match its hash. Plotly has a last resort: the larger build inside the installed package.
"""

import asyncio
import base64
import contextlib
import gzip
import hashlib
import importlib.util
import logging
import tarfile
import tempfile
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from rfm_common.settings import Settings
from rfm_common.tasks import alongside

CDN = "https://cdn.jsdelivr.net"
CDN_SECONDS = 10
NPM_SECONDS = 60
YEAR = "public, max-age=31536000, immutable"
log = logging.getLogger("rfm.gateway.assets")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of an npm package, pinned by version and sha384."""

    name: str
    package: str
    path: str
    sha384: str

    @property
    def url(self) -> str:
        """Where a browser gets it from the CDN."""
        return f"{CDN}/npm/{self.package}/{self.path}"

    @property
    def integrity(self) -> str:
        """The value of the `integrity` attribute."""
        return f"sha384-{self.sha384}"

    def matches(self, content: bytes) -> bool:
        """Whether these are the pinned bytes."""
        return base64.b64encode(hashlib.sha384(content).digest()).decode() == self.sha384


ASSETS = {
    asset.name: asset
    for asset in (
        Asset(
            "htmx", "htmx.org@4.0.1", "dist/htmx.min.js",
            "Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn",
        ),
        Asset(
            "hx-sse", "htmx.org@4.0.1", "dist/ext/hx-sse.min.js",
            "v8HvucQ+ohQhMg0arboXc5049yNR46QKMjphs7YDch+Wm7zpfK5XVS01f26mQDJV",
        ),
        Asset(
            "plotly", "plotly.js-cartesian-dist-min@4.1.1", "plotly-cartesian.min.js",
            "zc4SwKObGL/W0M3RUI09UPWjlgIZHfbwMgcZO6713mRh78tfUmIQKhzCyE2LIiUg",
        ),
        Asset(
            "plotly-gl3d", "plotly.js-gl3d-dist-min@4.1.1", "plotly-gl3d.min.js",
            "6hbxN8DqA6n4AEKaxBT8U+Tq1DRCavyWRGOiglCEu+DXgmgq53+4IRgsPmAuQnLn",
        ),
    )
}  # fmt: skip


def describe(settings: Settings) -> dict[str, dict[str, str | None]]:
    """What the page's loader needs to know of each library; no CDN when it is off."""
    return {
        asset.name: {
            "cdn": asset.url if settings.cdn == "on" else None,
            "integrity": asset.integrity,
            "local": f"/vendor/{asset.name}.js?v={asset.package.rpartition('@')[2]}",
        }
        for asset in ASSETS.values()
    }


def folder(settings: Settings) -> Path:
    """Where the copies are."""
    return settings.state_dir / "vendor"


async def fetch_all(settings: Settings) -> None:
    """Fetch what is missing, as far as the network allows; never raises for the network."""
    target = folder(settings)
    target.mkdir(parents=True, exist_ok=True)
    for asset in ASSETS.values():
        if (target / f"{asset.name}.js.gz").exists():
            continue
        fetched = await asyncio.to_thread(_from_cdn, asset) if settings.cdn == "on" else None
        content = fetched or await _from_npm(asset)
        if content:
            await asyncio.to_thread(_keep, target / f"{asset.name}.js.gz", content)
            log.debug("keeps a copy of %s %s", asset.package, asset.path)
        else:
            log.warning("no local copy of %s %s", asset.package, asset.path)


@asynccontextmanager
async def fetching(app: Litestar) -> AsyncGenerator[None]:
    """Fetch in the background for as long as the gateway runs; the start does not wait."""
    async with alongside(fetch_all(app.state.settings)):
        yield


def _checked(asset: Asset, content: bytes, source: str) -> bytes | None:
    if asset.matches(content):
        return content
    log.error("%s from %s does not match its hash and is not used", asset.package, source)
    return None


def _from_cdn(asset: Asset) -> bytes | None:
    try:
        with urllib.request.urlopen(asset.url, timeout=CDN_SECONDS) as answer:  # noqa: S310
            return _checked(asset, answer.read(), "the CDN")
    except OSError:
        return None


async def _from_npm(asset: Asset) -> bytes | None:
    """The file out of the package's archive, when npm is installed and its registry answers."""
    with tempfile.TemporaryDirectory() as place:
        try:
            process = await asyncio.create_subprocess_exec(
                "npm", "pack", "--silent", "--ignore-scripts", asset.package, cwd=place,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError:
            return None
        try:
            await asyncio.wait_for(process.wait(), NPM_SECONDS)
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                process.kill()
        return await asyncio.to_thread(_unpack, asset, Path(place))


def _unpack(asset: Asset, place: Path) -> bytes | None:
    for archive in place.glob("*.tgz"):
        with contextlib.suppress(tarfile.TarError, KeyError), tarfile.open(archive) as opened:
            member = opened.extractfile(f"package/{asset.path}")
            return _checked(asset, member.read(), "npm") if member else None
    return None


def _keep(path: Path, content: bytes) -> None:
    """Write compressed, aside and then renamed: a kill leaves no half file."""
    partial = path.with_suffix(".part")
    partial.write_bytes(gzip.compress(content, 9, mtime=0))
    partial.replace(path)


def _packaged_plotly() -> Path | None:
    """The full build inside the installed plotly package, without importing it."""
    spec = importlib.util.find_spec("plotly")
    path = Path(str(spec.origin)).parent / "package_data" / "plotly.min.js" if spec else None
    return path if path and path.exists() else None


def _read_local(settings: Settings, name: str) -> bytes | None:
    """The gzipped copy, or Plotly's last resort; None when there is nothing."""
    copy = folder(settings) / f"{name}.js.gz"
    if copy.exists():
        return copy.read_bytes()
    packaged = _packaged_plotly() if name.startswith("plotly") else None
    return gzip.compress(packaged.read_bytes(), 5) if packaged else None


@get("/vendor/{file_name:str}", include_in_schema=False)
async def vendor(
    file_name: FromPath[str], request: Request[Any, Any, Any], settings: NamedDependency[Settings]
) -> Response[bytes]:
    """The local copy of a library, compressed once when it was fetched."""
    name = file_name.removesuffix(".js")
    content = await asyncio.to_thread(_read_local, settings, name) if name in ASSETS else None
    if content is None:
        raise NotFoundException(f"no copy of {file_name}")
    headers = {"Cache-Control": YEAR, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        content = await asyncio.to_thread(gzip.decompress, content)
    return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)
