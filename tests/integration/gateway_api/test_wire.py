"""The real server on a real socket: bodies, headers and silences of clients that mean no good."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
import pytest_asyncio
from pydantic import SecretStr

from gateway.web import server as serving
from gateway.web.security.bodies import Counted
from rfm_common.settings import Settings
from tests.conftest import fresh
from tests.integration.gateway_api.conftest import on_socket

BODY_SECONDS = 0.4
HEADER_SECONDS = 0.4
MOST_BYTES = 1000


@dataclass
class Wire:
    """A listening gateway."""

    settings: Settings
    address: tuple[str, int]

    async def ask(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Send the parts with pauses between; all that comes back until the server closes."""
        reader, writer = await asyncio.open_connection(*self.address)
        sending = asyncio.create_task(trickle(writer, parts, pause))
        try:
            return await asyncio.wait_for(received(reader), 60)
        finally:
            sending.cancel()
            writer.close()


async def trickle(writer: asyncio.StreamWriter, parts: tuple[bytes, ...], pause: float) -> None:
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)


async def received(reader: asyncio.StreamReader) -> bytes:
    """Until the end; a reset after the answer is an end as well."""
    found = b""
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            found += chunk
    return found


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join((f"{line} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode()


@asynccontextmanager
async def listening(settings: Settings) -> AsyncGenerator[Wire]:
    async with on_socket(settings) as (_, address):
        yield Wire(settings, address)


@pytest_asyncio.fixture(scope="module")
async def wire(template, tmp_path_factory) -> AsyncGenerator[Wire]:
    patch = pytest.MonkeyPatch()
    patch.setattr(serving, "HEADER_SECONDS", HEADER_SECONDS)
    limits = {"body_seconds": BODY_SECONDS, "max_upload_bytes": MOST_BYTES, "cdn": "off"}
    folder = tmp_path_factory.mktemp("wire")
    async with (
        fresh(template, folder) as made,
        listening(made.model_copy(update=limits)) as found,
    ):
        yield found
    patch.undo()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/pipeline/run", "application/json"),
        ("/imports", "multipart/form-data; boundary=b"),
        ("/login", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_trickles_in_is_cut_off(wire, path, kind) -> None:
    """A byte now and then keeps a connection busy for ever, unless somebody looks at the clock."""
    head = request(f"POST {path}", f"Content-Type: {kind}", "Content-Length: 900")
    body = [bytes([byte]) for byte in b'--b\r\nContent-Disposition: form-data; name="f"' * 20]
    answer = await wire.ask(head, *body, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 408 "), answer[:200]
    assert b"application/problem+json" in answer
    assert list(wire.settings.input_dir.iterdir()) == []


async def test_a_body_in_pieces_is_fine(wire) -> None:
    head = request(
        "POST /pipeline/run", "Content-Type: application/json", "Content-Length: 19",
        "Connection: close",
    )  # fmt: skip
    answer = await wire.ask(head, b'{"window_d', b'ays":100', b"}", pause=0.02)
    assert answer.startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    ("path", "size"),
    [("/imports", MOST_BYTES + 1), ("/pipeline/run", 2**20 + 1), ("/login", 2**62)],
)
async def test_an_oversized_body_is_refused_before_it_is_read(wire, path, size) -> None:
    """Not a byte of the body is sent, and the answer is there."""
    answer = await wire.ask(request(f"POST {path}", f"Content-Length: {size}"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"bytes" in answer


async def test_an_oversized_body_without_a_size_is_cut_off(wire) -> None:
    kind = "Content-Type: multipart/form-data; boundary=b"
    head = request("POST /imports", "Transfer-Encoding: chunked", kind)
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n'
    chunks = [b"%x\r\n%s\r\n" % (len(data), data) for data in (part, *[b"x" * 500] * 8)]
    answer = await wire.ask(head, *chunks, pause=0.01)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert list(wire.settings.input_dir.iterdir()) == []


@pytest.mark.parametrize(
    "head",
    [
        request("GET /health", "X-Long: " + "x" * 200_000),
        request("GET /" + "x" * 200_000),
        request("GET /health", *(f"X-{n}: {n}" for n in range(20_000))),
        request("POST /login", "Content-Length: 4", "Content-Length: 5") + b"link=",
        request("POST /login", "Content-Length: many"),
        request("GET /health", "X-Cut: a\rSet-Cookie: b"),
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["header", "path", "headers", "sizes", "size", "carriage-return", "hosts", "tls"],
)
async def test_what_is_no_request_is_answered_with_400(wire, head) -> None:
    answer = await wire.ask(head)
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (request("GET /login", "X-Long: " + "x" * 120_000), 431),
        (request("GET /login?q=" + "x" * 120_000), 431),
        (request("GET /unknown/" + "x" * 90_000), 431),
        (request("GET /login", *(f"X-{n}: {n}" for n in range(100))), 431),
        (request("GET /login", *(f"X-{n}: " + "x" * 1000 for n in range(70))), 431),
        (request("POST /login", "Cookie: " + "a=b; " * 20_000, "Content-Length: 10"), 431),
        (request("GET /login", "X-Long: " + "x" * 60_000, "Connection: close"), 200),
        (request("GET /login", *(f"X-{n}: {n}" for n in range(97)), "Connection: close"), 200),
    ],
)
async def test_a_head_may_be_so_long_and_no_longer(wire, head, status) -> None:
    """Sent in one piece it would pass the parser, whose bound is for what has not ended."""
    answer = await wire.ask(head)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:100]
    if status == 431:
        assert b"65536 bytes" in answer
        assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    ("proxies", "header", "codes"),
    [
        (frozenset(), "X-Forwarded-For", [401, 401, 429, 429]),
        (frozenset({"192.0.2.1", "127.0.0.2"}), "X-Forwarded-For", [401, 401, 429, 429]),
        (frozenset({"127.0.0.1"}), "X-Real-IP", [401, 401, 429, 429]),
        (frozenset({"127.0.0.1"}), "Forwarded", [401, 401, 429, 429]),
        (frozenset({"127.0.0.1"}), "X-Forwarded-For", [401] * 4),
        (frozenset({"127.0.0.0/8"}), "X-Forwarded-For", [401] * 4),
    ],
)
async def test_an_address_is_believed_from_named_proxies_only(
    settings, proxies, header, codes
) -> None:
    """Guesses are counted by address: whoever may invent one guesses as often as they like."""
    few = {"auth": "required", "logins_per_minute": 2, "proxies": proxies, "cdn": "off"}
    async with listening(settings.model_copy(update=few)) as wire:
        answers = [
            await wire.ask(
                request("GET /runs", f"{header}: 203.0.113.{number}", "Connection: close",
                        f"Authorization: Bearer rfm_{number}")
            )
            for number in range(4)
        ]  # fmt: skip
    assert [int(answer.split()[1]) for answer in answers] == codes


@pytest.mark.parametrize(("proxy", "scheme"), [("127.0.0.1", b"https"), ("127.0.0.2", b"http")])
async def test_https_is_believed_from_named_proxies_only(settings, proxy, scheme) -> None:
    update = {"auth": "required", "admin_key": SecretStr("k" * 40), "cdn": "off",
              "proxies": frozenset({proxy})}  # fmt: skip
    asked = request("POST /login/links", f"Authorization: Bearer {'k' * 40}", "Content-Length: 0",
                    "X-Forwarded-Proto: https", "Connection: close")  # fmt: skip
    async with listening(settings.model_copy(update=update)) as wire:
        answer = await wire.ask(asked)
    assert b'"url":"' + scheme + b"://127.0.0.1/login#" in answer


async def test_each_16_kib_of_a_body_give_it_another_second() -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * 2**15, "more_body": True}

    counted = Counted(receive, 2**20, 1.0)  # type: ignore[arg-type]
    before = counted.deadline
    await counted()
    assert counted.deadline - before == pytest.approx(2)


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHos"])
async def test_a_connection_that_says_nothing_is_closed(wire, said) -> None:
    assert await wire.ask(said) == b""


async def test_a_connection_that_says_the_next_thing_slowly_is_closed(wire) -> None:
    """The second request is as impatiently awaited as the first."""
    answer = await wire.ask(request("GET /login"), b"GET /health HTTP/1.1\r\nHos", pause=0.1)
    assert answer.count(b"HTTP/1.1 200 ") == 1


async def test_no_secret_is_logged(wire, caplog) -> None:
    """Neither uvicorn nor ours writes paths, headers or bodies, whatever the level."""
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn.error", "uvicorn.access"):
        caplog.set_level(logging.DEBUG, logger=name)
    secret = "sEcReT-of-a-link"
    body = f"link={secret}".encode()
    await wire.ask(
        request(
            "POST /login", f"Content-Length: {len(body)}", f"Authorization: Bearer {secret}",
            f"Cookie: rfm_session_8701={secret}", "Connection: close",
            "Content-Type: application/x-www-form-urlencoded",
        ) + body
    )  # fmt: skip
    assert secret not in caplog.text
