"""One request to an endpoint: signed, to the address that was checked, and never redirected."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from gateway.webhooks.signing import signature_headers
from gateway.webhooks.targets import Target, TargetError, find_target
from rfm_common import __version__
from rfm_common.errors import InvalidInputError

SECONDS = 15
"""For a whole attempt, as Standard Webhooks advises."""
ADDRESSES = 3
"""How many of a host's addresses are tried."""
KEPT_BYTES = 1000
"""Of an answer."""
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is sent where; `secrets` holds the valid ones, the newest first."""

    url: str
    secrets: Sequence[str]
    message_id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: a status, or an error in words."""

    milliseconds: int
    status: int | None = None
    error: str | None = None
    answer: str | None = None

    @property
    def is_success(self) -> bool:
        """Only a 2xx counts as received."""
        return self.status is not None and 200 <= self.status < 300


@asynccontextmanager
async def open_client() -> AsyncGenerator[httpx.AsyncClient]:
    """A client without proxies, cookies and redirects.

    It keeps no connection: two hosts at one address must not share one.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    async with httpx.AsyncClient(
        verify=httpx.create_ssl_context(), trust_env=False, timeout=SECONDS, limits=limits,
        cookies=no_cookies,
    ) as client:  # fmt: skip
        yield client


async def send(client: httpx.AsyncClient, parcel: Parcel, *, allow_private: bool) -> Outcome:
    """Attempt it once; never raises for what the other side or the network does."""
    started = time.monotonic()
    status = error = answer = None
    try:
        async with asyncio.timeout(SECONDS):
            target = await find_target(parcel.url, allow_private=allow_private)
            status, answer = await _post(client, parcel, target)
    except TimeoutError:
        error = f"no complete answer within {SECONDS} seconds"
    except (TargetError, InvalidInputError) as refused:
        error = refused.detail
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as failed:
        error = f"{type(failed).__name__}: {failed}"[:KEPT_BYTES]
    elapsed = round((time.monotonic() - started) * 1000)
    return Outcome(milliseconds=elapsed, status=status, error=error, answer=answer)


async def _post(client: httpx.AsyncClient, parcel: Parcel, target: Target) -> tuple[int, str]:
    """Ask the host's addresses in turn, until one takes the connection."""
    tried = target.addresses[:ADDRESSES]
    for address in tried[:-1]:
        try:
            return await _post_to(client, parcel, target, address)
        except httpx.ConnectError:
            continue
    return await _post_to(client, parcel, target, tried[-1])


async def _post_to(
    client: httpx.AsyncClient, parcel: Parcel, target: Target, address: str
) -> tuple[int, str]:
    """The status and the beginning of the answer's body."""
    named = httpx.URL(target.url)
    headers = {
        "Host": named.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": f"RFM/{__version__}",
        **signature_headers(parcel.secrets, parcel.message_id, int(time.time()), parcel.body),
    }
    # The certificate is checked for the name, although the connection goes to the address.
    request = client.build_request(
        "POST",
        named.copy_with(host=address.partition("%")[0]),
        content=parcel.body,
        headers=headers,
        extensions={"sni_hostname": named.raw_host.decode("ascii")},
    )
    response = await client.send(request, stream=True, follow_redirects=False)
    try:
        return response.status_code, await _beginning(response)
    finally:
        await response.aclose()


async def _beginning(response: httpx.Response) -> str:
    """The first bytes as text that PostgreSQL can keep."""
    kept = b""
    async for chunk in response.aiter_raw():
        kept += chunk
        if len(kept) >= KEPT_BYTES:
            break
    return kept[:KEPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
