"""Webhooks that lead to this machine or into its network; redirects and DNS are in `proven`."""

from tests.attack.table import Table
from tests.attack.target import Target

TARGETS = (
    "http://127.0.0.1/", "https://127.0.0.1:5432/", "http://localhost/", "http://[::1]/",
    "http://0.0.0.0/", "http://[::]/", "http://127.1/", "http://2130706433/", "http://0x7f000001/",
    "http://0177.0.0.1/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.0.0.1/",
    "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/", "http://192.0.0.192/",
    "http://192.88.99.1/", "http://[3fff::1]/", "http://[64:ff9b::7f00:1]/", "http://[fe80::1]/",
    "http://224.0.0.1/", "http://255.255.255.255/", "http://198.18.0.1/", "http://240.0.0.1/",
    "http://localhost./", "http://LOCALHOST/", "http://ip6-localhost/", "file:///etc/passwd",
    "gopher://127.0.0.1/", "http://user:pw@8.8.8.8/", "http:///", "http://8.8.8.8:99999/",
    "http://8.8.8.8\\@127.0.0.1/", "http://127.0.0.1%2f@8.8.8.8/", "http://８.８.８.８#@127.0.0.1/",
    "//127.0.0.1/", "http://[::127.0.0.1]/", "http://[2002:7f00:1::]/",
)  # fmt: skip


async def attack(target: Target, table: Table) -> None:
    """None may be registered, and none is."""
    outcomes: list[tuple[str, object]] = []
    for url in TARGETS:
        answer = await target.admin.post("/webhooks", json={"url": url})
        outcomes.append((url, answer.status_code))
    table.statuses("webhooks: targets on this machine or near it", {400}, outcomes)
    left = (await target.admin.get("/webhooks")).json()
    table.add("webhooks: what was registered", "0", [("endpoints", str(left).count("'url'"))],
              lambda _, count: count == 0)  # fmt: skip
