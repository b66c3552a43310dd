"""Signatures, addresses and pauses: what webhooks promise, without a server."""

import asyncio
import base64
import random
import re
import secrets

import pytest

from gateway.webhooks.delivering import PAUSES, next_pause
from gateway.webhooks.sending import Parcel, open_client, send
from gateway.webhooks.signing import key_of, new_secret, sign, signature_headers
from gateway.webhooks.targets import TargetError, check_url, find_target, is_public
from rfm_common.errors import InvalidInputError

DAY = 24 * 3600


def test_the_signature_of_the_specification_example() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        b'{"test": 2432232314}',
    )  # fmt: skip
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_replaced_both_sign() -> None:
    new, old = new_secret(), new_secret()
    headers = signature_headers([new, old], "msg_1", 7, b"{}")
    assert headers["webhook-id"] == "msg_1"
    assert headers["webhook-timestamp"] == "7"
    assert headers["webhook-signature"].split(" ") == [
        sign(secret, "msg_1", 7, b"{}") for secret in (new, old)
    ]


def test_secrets_are_new_and_long() -> None:
    assert len({new_secret() for _ in range(50)}) == 50
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", new_secret())
    assert len(key_of(new_secret())) == 32


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_short", "whsec_***", base64.b64encode(bytes(32)).decode(),
     "whsec_" + base64.b64encode(bytes(23)).decode(),
     "whsec_" + base64.b64encode(bytes(65)).decode()],
)  # fmt: skip
def test_a_bad_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        key_of(secret)
    assert len(secret) < 8 or secret not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.9", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "fec0::1", "ff02::1", "2001:db8::1", "2001:0:1::1", "100::1", "::7f00:1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::",
        "192.0.0.192", "192.0.0.9", "192.88.99.1", "3fff::1", "3fff:fff::1", "2001::1", "2001:1::1",
        "2002:0808:0808::1", "64:ff9b:1::1", "5f00::1",
        "::ffff:192.88.99.1", "::127.0.0.1", "4000::1", "198.19.255.255",
    ],
)  # fmt: skip
def test_addresses_that_are_not_in_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "2a00::1",
        "2001:4860::8888",
        "2001:200::1",
        "3ffe::1",
        "::ffff:8.8.8.8",
        "223.255.255.255",
    ],
)
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x", "http://localhost.:80/", "http://127.0.0.1:8701/pipeline/run",
        "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://017700000001/",
        "http://0/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::]/",
        "http://169.254.169.254/latest/meta-data", "http://192.168.0.1", "https://10.1.2.3:443/",
        "http://[fe80::1]/", "http://[fd00:ec2::254]/latest",
    ],
)  # fmt: skip
async def test_urls_that_lead_to_this_machine_or_its_network(url: str) -> None:
    with pytest.raises(TargetError, match=r"not in the internet|no host"):
        await find_target(url, allow_private=False)


async def test_the_setting_allows_them() -> None:
    target = await find_target("http://127.0.0.1:9/x", allow_private=True)
    assert target.addresses == ("127.0.0.1",)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://x/", "http://",
        "http:///x", "https://user@example.com/", "https://user:pw@example.com/",
        "https://example.com/#a", "https://example.com:0/", "https://example.com:99999/",
        "https://example.com:abc/", "http://[::1/", "https://exa mple.com/",
        "https://e.com/\r\nX: 1",
        "https://e.com/\x00", "https://example.com/" + "x" * 2000, "javascript://example.com/",
    ],
)  # fmt: skip
def test_urls_that_are_none_to_send_to(url: str) -> None:
    with pytest.raises(TargetError):
        check_url(url)


async def test_a_name_is_judged_by_every_address_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """One public address does not excuse a private one: the next request might go there."""

    async def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.7")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    with pytest.raises(TargetError, match=r"10\.0\.0\.7"):
        await find_target("http://rebound.example/", allow_private=False)


async def test_a_name_that_leads_elsewhere_by_now_is_judged_anew_at_each_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rebinding name was public when it was registered."""

    async def rebound(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebound)
    parcel = Parcel(url="http://rebound.example/", secrets=[new_secret()], message_id="m", body=b"")
    async with open_client() as client:
        outcome = await send(client, parcel, allow_private=False)
    assert (outcome.status, outcome.is_success) == (None, False)
    assert "127.0.0.1, which is not in the internet" in str(outcome.error)


def test_attempts_go_on_for_three_days() -> None:
    assert len(PAUSES) == 9
    assert 3 * DAY <= sum(PAUSES) <= 4 * DAY
    random.seed(secrets.randbits(32))
    for attempts, least in enumerate(PAUSES, 1):
        pauses = [next_pause(PAUSES, attempts) or 0 for _ in range(50)]
        assert all(least <= pause <= least * 1.2 for pause in pauses)
        assert len(set(pauses)) > 1
    assert next_pause(PAUSES, 10) is None
