"""Where messages may go: into the internet, and not to this machine or into its network.

A URL is given by whoever may register endpoints, but a name may lead anywhere, today or
tomorrow. So it is looked up at registration and before each request, and the request goes to
the very address that was looked at.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from rfm_common.errors import InvalidInputError

LONGEST = 2000
PORTS = {"http": 80, "https": 443}

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that is given out of IPv6; the rest is local, reserved, or stands for something else."""
HIDDEN_V6 = tuple(map(IPv6Network, (
    "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)))  # fmt: skip
HIDDEN_V4 = tuple(map(IPv4Network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)))  # fmt: skip
"""IANA's registries of addresses for special purposes, 2025; 6to4 and Teredo among them."""


class TargetError(InvalidInputError):
    """Messages cannot be sent there."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"url: {detail}", field="url")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL whose host has been looked up."""

    url: str
    host: str
    addresses: tuple[str, ...]


def check_url(url: str) -> SplitResult:
    """The parts of a URL that messages could be sent to; raises TargetError."""
    if len(url) > LONGEST or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise TargetError(f"at most {LONGEST} characters, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetError(str(error)) from error
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise TargetError("it must be http://HOST/... or https://HOST/...")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetError("without user name, password and fragment: messages are signed")
    return parts


async def find_target(url: str, *, allow_private: bool) -> Target:
    """Look the host up; raises TargetError when an address of it is not in the internet."""
    parts = check_url(url)
    host = parts.hostname or ""
    addresses = await _look_up(host, parts.port or PORTS[parts.scheme])
    hidden = [address for address in addresses if not is_public(address)]
    if hidden and not allow_private:
        raise TargetError(
            f"{host} is {hidden[0]}, which is not in the internet;"
            " the setting RFM_WEBHOOK_ALLOW_PRIVATE=on allows it"
        )
    return Target(url, host, addresses)


async def _look_up(host: str, port: int) -> tuple[str, ...]:
    """Every address of a host, as the system connects to it; also 127.1 and 0x7f000001."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetError(f"there is no host {host}") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an address is one of the internet: not loopback, private, link-local, multicast,
    reserved, nor an IPv6 address that stands for such an IPv4 address.

    By our own table: that of the standard library is as old as the Python that runs us.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return is_public(str(found.ipv4_mapped))
        return found in GLOBAL_UNICAST and not any(found in network for network in HIDDEN_V6)
    return not any(found in network for network in HIDDEN_V4)
